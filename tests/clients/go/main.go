// Clients prints the access key that a Go client finds with its default chain: v2, v1 or minio; and
// the one that it is renewed to.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// chain creates a client and returns a function that gets its access key.
type chain func() (func() (string, error), error)

var chains = map[string]chain{
	"v2":    sdkV2,
	"v1":    sdkV1,
	"minio": minio,
}

func sdkV2() (func() (string, error), error) {
	ctx := context.Background()
	loaded, err := config.LoadDefaultConfig(ctx)
	return func() (string, error) {
		found, err := loaded.Credentials.Retrieve(ctx)
		return found.AccessKeyID, err
	}, err
}

func sdkV1() (func() (string, error), error) {
	opened, err := session.NewSession()
	return func() (string, error) {
		found, err := opened.Config.Credentials.Get()
		return found.AccessKeyID, err
	}, err
}

func minio() (func() (string, error), error) {
	provider := credentials.NewIAM("")
	return func() (string, error) {
		found, err := provider.GetWithContext(nil)
		return found.AccessKeyID, err
	}, nil
}

// untilRenewed prints the key; where the client is to show a renewal, again when it has changed.
func untilRenewed(key func() (string, error)) error {
	first, err := key()
	if err != nil {
		return err
	}
	fmt.Println(first)
	if os.Getenv("TEST_RENEWAL") == "" {
		return nil
	}
	for second := 0; second < 60; second++ {
		time.Sleep(time.Second)
		now, err := key()
		if err != nil {
			return err
		}
		if now != first {
			fmt.Println(now)
			return nil
		}
	}
	return nil
}

func main() {
	if len(os.Args) != 2 || chains[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "clients: one of v2, v1, minio is wanted")
		os.Exit(2)
	}
	key, err := chains[os.Args[1]]()
	if err == nil {
		err = untilRenewed(key)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
