// Hcl reads Terraform's configuration language from its input with HashiCorp's own parser and writes
// it as JSON, or with the argument fmt as `terraform fmt` lays it out. What isn't HCL ends it with an
// error.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/tmccombs/hcl2json/convert"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil && len(os.Args) > 1 && os.Args[1] == "fmt" {
		text = hclwrite.Format(text)
	} else if err == nil {
		text, err = convert.Bytes(text, "input.tf", convert.Options{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(text)
}
