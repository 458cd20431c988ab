package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// runSts is an STS that issues credentials after a delay. The command `calls` on standard input
// returns the number of AssumeRole calls so far.
func runSts(args []string) error {
	flags := flag.NewFlagSet("sts", flag.ExitOnError)
	takes := flags.Duration("takes", 100*time.Millisecond, "time for an answer")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var calls atomic.Int64
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("LISTENING %d\n", listener.Addr().(*net.TCPAddr).Port)
	go func() {
		_ = http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			if r.FormValue("Action") != "AssumeRole" {
				fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::111122223333:assumed-role/server/replica</Arn><UserId>A:replica</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
				return
			}
			n := calls.Add(1)
			time.Sleep(*takes)
			fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEYS</SecretAccessKey><SessionToken>IQoJb3JpZ2luX2VjE%d%s</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
				n, strings.Repeat("x", 700), time.Now().UTC().Add(time.Hour).Format(time.RFC3339))
		}))
	}()
	return obey(func([]string) any { return map[string]int64{"calls": calls.Load()} })
}
