package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

type loadPlan struct {
	target      string
	method      string
	path        string
	header      string
	connections int
	sources     int
	roles       int
	each        bool
	seconds     float64
	warmup      float64
	rate        float64
}

type loadResult struct {
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	Seconds  float64 `json:"seconds"`
	Rate     float64 `json:"rate"`
	P50      float64 `json:"p50Ms"`
	P90      float64 `json:"p90Ms"`
	P99      float64 `json:"p99Ms"`
	Max      float64 `json:"maxMs"`
	Bytes    int64   `json:"bytes"`
	Fault    string  `json:"fault,omitempty"`
}

// runLoad sends requests from addresses in 127.1.0.0/16, each of which is a pod. It prints READY
// once warmed up and waits for a line of input, so that the caller can read the candidate's CPU
// time exactly before and after the measured part.
func runLoad(args []string) error {
	plan := loadPlan{}
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	flags.StringVar(&plan.target, "target", "", "host:port")
	flags.StringVar(&plan.method, "method", "GET", "method")
	flags.StringVar(&plan.path, "path", "/", "request path; {role} is replaced by the pod's role")
	flags.StringVar(&plan.header, "header", "", "one more header line")
	flags.IntVar(&plan.connections, "connections", 1, "concurrent connections")
	flags.IntVar(&plan.sources, "sources", 100, "source addresses; 0 leaves them to the kernel")
	flags.IntVar(&plan.roles, "roles", 50, "roles that the pods share")
	flags.BoolVar(&plan.each, "new", false, "a new connection for each request")
	flags.Float64Var(&plan.seconds, "seconds", 2, "how long to measure")
	flags.Float64Var(&plan.warmup, "warmup", 5, "maximum warm-up, which ends once the rate is steady")
	flags.Float64Var(&plan.rate, "rate", 0, "requests per second; 0 means as fast as possible")
	if err := flags.Parse(args); err != nil {
		return err
	}
	plan.warmUp()
	fmt.Println("READY")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(plan.run(plan.seconds))
}

// warmUp loads the candidate until its rate no longer rises.
func (plan *loadPlan) warmUp() {
	const slice = 0.5
	best := 0.0
	for spent := 0.0; spent < plan.warmup; spent += slice {
		rate := plan.run(slice).Rate
		if rate < best*1.05 {
			return
		}
		best = rate
	}
}

type worker struct {
	plan      *loadPlan
	index     int
	latencies []int32
	errors    int
	bytes     int64
	fault     error
	conn      net.Conn
	reader    *bufio.Reader
}

func (plan *loadPlan) run(seconds float64) loadResult {
	started := time.Now()
	end := started.Add(time.Duration(seconds * float64(time.Second)))
	workers := make([]*worker, plan.connections)
	var group sync.WaitGroup
	for i := range workers {
		workers[i] = &worker{plan: plan, index: i}
		group.Add(1)
		go func(w *worker) {
			defer group.Done()
			w.run(end)
		}(workers[i])
	}
	group.Wait()
	return summarize(workers, time.Since(started).Seconds())
}

func (w *worker) run(end time.Time) {
	turn := w.index
	started := time.Now()
	for n := 0; time.Now().Before(end); n++ {
		if w.plan.rate > 0 {
			every := float64(time.Second) * float64(w.plan.connections) / w.plan.rate
			time.Sleep(time.Until(started.Add(time.Duration(float64(n) * every))))
		}
		began := time.Now()
		if err := w.exchange(turn); err != nil {
			w.errors++
			w.fault = err
			w.hangUp()
			time.Sleep(time.Millisecond)
		} else {
			w.latencies = append(w.latencies, int32(time.Since(began).Microseconds()))
		}
		if w.plan.each {
			w.hangUp()
			turn += w.plan.connections
		}
	}
	w.hangUp()
}

// Source n requests the role of pod n. Its address doesn't change during a connection.
func (w *worker) exchange(turn int) error {
	source := turn
	if w.plan.sources > 0 {
		source = turn % w.plan.sources
	}
	if w.conn == nil {
		if err := w.dial(source); err != nil {
			return err
		}
	}
	if _, err := w.conn.Write(w.plan.request(source)); err != nil {
		return err
	}
	return w.readAnswer()
}

func (plan *loadPlan) request(source int) []byte {
	role := "role-" + strconv.Itoa(source%plan.roles)
	path := strings.ReplaceAll(plan.path, "{role}", role)
	header := plan.header
	if header != "" {
		header += "\r\n"
	}
	return []byte(plan.method + " " + path + " HTTP/1.1\r\nHost: 169.254.169.254\r\n" +
		"User-Agent: aws-sdk-go-v2/1.30\r\nAccept-Encoding: gzip\r\n" + header + "\r\n")
}

func (w *worker) dial(source int) error {
	dialer := net.Dialer{Timeout: 5 * time.Second}
	if w.plan.sources > 0 {
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 1, byte(source/250), byte(source%250+1))}
	}
	conn, err := dialer.Dial("tcp", w.plan.target)
	if err != nil {
		return err
	}
	w.conn = conn
	if w.reader == nil {
		w.reader = bufio.NewReaderSize(conn, 64<<10)
	} else {
		w.reader.Reset(conn)
	}
	return conn.SetDeadline(time.Now().Add(60 * time.Second))
}

func (w *worker) hangUp() {
	if w.conn == nil {
		return
	}
	_ = w.conn.Close()
	w.conn = nil
}

func (w *worker) readAnswer() error {
	line, err := w.reader.ReadSlice('\n')
	if err != nil {
		return err
	}
	if len(line) < 12 || string(line[9:12]) != "200" {
		return fmt.Errorf("answered %q", strings.TrimSpace(string(line)))
	}
	length, chunked, closes := int64(-1), false, false
	for {
		line, err := w.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		switch line[0] | 0x20 {
		case 'c':
			text := strings.ToLower(strings.TrimSpace(string(line)))
			if value, ok := strings.CutPrefix(text, "content-length:"); ok {
				length, err = strconv.ParseInt(strings.TrimSpace(value), 10, 64)
				if err != nil {
					return err
				}
			}
			closes = closes || text == "connection: close"
		case 't':
			text := strings.ToLower(strings.TrimSpace(string(line)))
			chunked = chunked || text == "transfer-encoding: chunked"
		}
	}
	if err := w.readBody(length, chunked); err != nil {
		return err
	}
	if closes {
		// The server closes first, as it does for clients that announce it.
		_, _ = io.Copy(io.Discard, w.reader)
		w.hangUp()
	}
	return nil
}

func (w *worker) readBody(length int64, chunked bool) error {
	if !chunked {
		return w.discard(length)
	}
	for {
		line, err := w.reader.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(line)), 16, 64)
		if err != nil {
			return err
		}
		if err := w.discard(size + 2); err != nil || size == 0 {
			w.bytes -= 2
			return err
		}
		w.bytes -= 2
	}
}

func (w *worker) discard(length int64) error {
	n, err := io.CopyN(io.Discard, w.reader, length)
	w.bytes += n
	return err
}

func summarize(workers []*worker, seconds float64) loadResult {
	all := []int32{}
	result := loadResult{Seconds: seconds}
	for _, w := range workers {
		all = append(all, w.latencies...)
		result.Errors += w.errors
		result.Bytes += w.bytes
		if w.fault != nil {
			result.Fault = w.fault.Error()
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	at := func(share float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[min(len(all)-1, int(share*float64(len(all))))]) / 1000
	}
	result.Requests = len(all)
	result.Rate = float64(len(all)) / seconds
	result.P50, result.P90, result.P99, result.Max = at(0.5), at(0.9), at(0.99), at(1)
	return result
}
