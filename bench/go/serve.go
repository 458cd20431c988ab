package main

import (
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

// runConstant answers everything with one file's bytes: net/http at its fastest.
func runConstant(args []string) error {
	flags := flag.NewFlagSet("constant", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "host:port")
	file := flags.String("file", "", "the body")
	if err := flags.Parse(args); err != nil {
		return err
	}
	body, err := os.ReadFile(*file)
	if err != nil {
		return err
	}
	return serve(*listen, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Server", "EC2ws")
		header.Set("Content-Type", "text/plain")
		header.Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
	}))
}

// runProxy passes everything on with httputil.ReverseProxy, as kiam and kube2iam do, with more idle
// connections than the default's two.
func runProxy(args []string) error {
	flags := flag.NewFlagSet("proxy", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "host:port")
	to := flags.String("to", "", "URL")
	if err := flags.Parse(args); err != nil {
		return err
	}
	target, err := url.Parse(*to)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
	}
	return serve(*listen, proxy)
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
