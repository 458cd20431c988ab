package main

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
)

// obey does what each line of the input says and answers it with a line of JSON.
func obey(command func(words []string) any) error {
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		answer := command(strings.Fields(input.Text()))
		if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
			return err
		}
	}
	return input.Err()
}
