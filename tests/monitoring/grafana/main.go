// Grafana reads a dashboard from its input by Grafana's own schema, strictly, and writes what it has
// understood. A field that is missing, unknown or of another kind ends it with an error.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	plugins.RegisterDefaultPlugins()
	var read dashboard.Dashboard
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = read.UnmarshalJSONStrict(text)
	}
	if err == nil {
		err = read.Validate()
	}
	if err == nil {
		text, err = json.Marshal(read)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Stdout.Write(text)
}
