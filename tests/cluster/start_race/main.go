// Asks for credentials as soon as it runs, like boto3 with one try for each request. An agent that
// doesn't know the pod within 900 ms says so; the time-out is longer, for busy machines. The result goes
// to the container's termination message. With the argument `loop` it sends requests without a pause,
// for a path that the agent never passes on: no other service may get one.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const base = "http://169.254.169.254/latest/"

var client = &http.Client{Timeout: 5 * time.Second}

func ask(method, path string, headers map[string]string) (string, error) {
	request, err := http.NewRequest(method, base+path, nil)
	if err != nil {
		return "", err
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != 200 {
		err = fmt.Errorf("%s: %d %s", path, response.StatusCode, strings.TrimSpace(string(body)))
	}
	return string(body), err
}

func credentials() (string, error) {
	ttl := map[string]string{"x-aws-ec2-metadata-token-ttl-seconds": "21600"}
	token, err := ask("PUT", "api/token", ttl)
	if err != nil {
		return "", err
	}
	session := map[string]string{"x-aws-ec2-metadata-token": token}
	const roles = "meta-data/iam/security-credentials/"
	role, err := ask("GET", roles, session)
	if err != nil {
		return "", err
	}
	document, err := ask("GET", roles+role, session)
	if err != nil {
		return "", err
	}
	var parsed struct{ AccessKeyId string }
	err = json.Unmarshal([]byte(document), &parsed)
	return parsed.AccessKeyId, err
}

// A connection per request, and so short a timeout that a refused one costs nothing.
func loop() {
	transport := &http.Transport{DisableKeepAlives: true}
	client = &http.Client{Timeout: 200 * time.Millisecond, Transport: transport}
	for {
		ask("GET", "meta-data/iam/security-credentials/reboot-probe", nil)
		time.Sleep(time.Millisecond)
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "loop" {
		loop()
	}
	began := time.Now()
	key, err := credentials()
	result := map[string]any{"ms": time.Since(began).Milliseconds(), "key": key}
	if err != nil {
		result["error"] = err.Error()
	}
	text, _ := json.Marshal(result)
	os.WriteFile("/dev/termination-log", text, 0o644)
}
