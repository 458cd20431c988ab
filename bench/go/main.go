// Command bench makes load and plays the other ends that a benchmark needs: what a Go agent could
// do at best, the metadata service behind it, and many clients at many addresses.
package main

import (
	"fmt"
	"os"
)

func main() {
	commands := map[string]func([]string) error{
		"agents":   runAgents,
		"cluster":  runCluster,
		"sts":      runSts,
		"load":     runLoad,
		"agent":    runAgent,
		"upstream": runUpstream,
	}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: bench agent|agents|cluster|load|sts|upstream [flags]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
