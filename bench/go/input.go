package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
)

// obey runs each line of standard input as a command and answers with a line of JSON.
func obey(command func(fields []string) any) error {
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		answer := command(strings.Fields(input.Text()))
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			return err
		}
	}
	return input.Err()
}
