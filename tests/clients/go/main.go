// Clients prints the access key that a Go client finds with its default chain: v2, v1 or minio.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

var chains = map[string]func() (string, error){
	"v2":    sdkV2,
	"v1":    sdkV1,
	"minio": minio,
}

func sdkV2() (string, error) {
	ctx := context.Background()
	loaded, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return "", err
	}
	found, err := loaded.Credentials.Retrieve(ctx)
	return found.AccessKeyID, err
}

func sdkV1() (string, error) {
	opened, err := session.NewSession()
	if err != nil {
		return "", err
	}
	found, err := opened.Config.Credentials.Get()
	return found.AccessKeyID, err
}

func minio() (string, error) {
	found, err := credentials.NewIAM("").GetWithContext(nil)
	return found.AccessKeyID, err
}

func main() {
	if len(os.Args) != 2 || chains[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "clients: one of v2, v1, minio is wanted")
		os.Exit(2)
	}
	key, err := chains[os.Args[1]]()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(key)
}
