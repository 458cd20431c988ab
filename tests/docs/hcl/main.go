// Hcl reads Terraform's configuration language from its input with HashiCorp's own parser and writes
// it as JSON. What isn't HCL ends it with an error.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/tmccombs/hcl2json/convert"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		text, err = convert.Bytes(text, "input.tf", convert.Options{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(text)
}
