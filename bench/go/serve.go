package main

import (
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// runAgent does an agent's job with net/http: credentials by the caller's address, from memory, and
// everything else passed on by httputil.ReverseProxy, as kiam and kube2iam do.
func runAgent(args []string) error {
	flags := flag.NewFlagSet("agent", flag.ExitOnError)
	file := flags.String("file", "", "the document that pods get")
	to := flags.String("to", "", "URL of the metadata service")
	if err := flags.Parse(args); err != nil {
		return err
	}
	document, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	target, err := url.Parse(*to)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	rest := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
	}
	const roles = "/latest/meta-data/iam/security-credentials/"
	pods := map[string]string{}
	for n := range 110 {
		pods[fmt.Sprintf("127.1.%d.%d", n/250, n%250+1)] = fmt.Sprintf("role-%d", n%50)
	}
	return serve("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requested, found := strings.CutPrefix(r.URL.Path, roles)
		if !found && r.Method == http.MethodGet {
			rest.ServeHTTP(w, r)
			return
		}
		address, _, _ := net.SplitHostPort(r.RemoteAddr)
		role, known := pods[address]
		if !known || found && requested != role {
			http.Error(w, "no role", http.StatusNotFound)
			return
		}
		body := document
		if !found {
			token := make([]byte, 40)
			_, _ = rand.Read(token)
			body = []byte(base64.StdEncoding.EncodeToString(token))
		}
		header := w.Header()
		header.Set("Server", "EC2ws")
		header.Set("Content-Type", "text/plain")
		header.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
}

// runUpstream plays the metadata service: tokens, and /bytes/N anywhere in a path gives N bytes.
func runUpstream(args []string) error {
	flags := flag.NewFlagSet("upstream", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "host:port")
	if err := flags.Parse(args); err != nil {
		return err
	}
	block := make([]byte, 256<<10)
	for i := range block {
		block[i] = 'a' + byte(i%26)
	}
	return serve(*listen, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Server", "EC2ws")
		header.Set("Content-Type", "text/plain")
		if r.Method == http.MethodPut {
			header.Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
			_, _ = w.Write([]byte("dG9rZW4tb2YtdGhlLWJlbmNobWFyaw=="))
			return
		}
		size := 20
		if _, text, found := strings.Cut(r.URL.Path, "/bytes/"); found {
			size, _ = strconv.Atoi(text)
		}
		header.Set("Content-Length", strconv.Itoa(size))
		for size > 0 {
			n := min(size, len(block))
			if _, err := w.Write(block[:n]); err != nil {
				return
			}
			size -= n
		}
	}))
}

func serve(listen string, handler http.Handler) error {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	fmt.Printf("LISTENING %d\n", listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	return server.Serve(listener)
}
