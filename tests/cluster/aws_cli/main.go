// Aws_cli stands in for the AWS CLI's image where there is no registry to have it from: as `aws` it
// answers `sts get-caller-identity` like the CLI, over the AWS SDK's default chain; as `sleep` it sleeps.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	if filepath.Base(os.Args[0]) == "sleep" {
		pause, err := time.ParseDuration(os.Args[1] + "s")
		end(err)
		time.Sleep(pause)
		return
	}
	if !strings.HasPrefix(strings.Join(os.Args[1:], " "), "sts get-caller-identity") {
		end(fmt.Errorf("aws: only sts get-caller-identity is here"))
	}
	ctx := context.Background()
	loaded, err := config.LoadDefaultConfig(ctx)
	end(err)
	caller, err := sts.NewFromConfig(loaded).GetCallerIdentity(ctx, nil)
	end(err)
	var shown any = map[string]*string{"UserId": caller.UserId, "Account": caller.Account, "Arn": caller.Arn}
	if slices.Contains(os.Args, "--query") {
		shown = caller.Arn
	}
	text, err := json.MarshalIndent(shown, "", "    ")
	end(err)
	fmt.Println(string(text))
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
