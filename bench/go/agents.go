package main

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type agentsResult struct {
	Seconds     float64 `json:"seconds"`
	Synced      int64   `json:"synced"`
	Credentials int64   `json:"credentials"`
	Frames      int64   `json:"frames"`
	Bytes       int64   `json:"bytes"`
	Failures    int64   `json:"failures"`
	P50         float64 `json:"p50Ms"`
	P99         float64 `json:"p99Ms"`
}

type fleet struct {
	target                                     string
	secure, ready                              bool
	nodes                                      int
	synced, frames, credentials, bytes, failed atomic.Int64
	lock                                       sync.Mutex
	latencies                                  []float64
	conns                                      []net.Conn
}

// runAgents simulates a cluster's agents: each has its own address and token and reads its stream.
// Commands on standard input: connect, drop, or follow SECONDS; each is answered with a line.
func runAgents(args []string) error {
	fleet := &fleet{}
	flags := flag.NewFlagSet("agents", flag.ExitOnError)
	flags.StringVar(&fleet.target, "target", "", "host:port")
	flags.IntVar(&fleet.nodes, "nodes", 100, "agents")
	flags.BoolVar(&fleet.secure, "tls", false, "streams over TLS")
	flags.BoolVar(&fleet.ready, "ready", false, "times only of frames with credentials")
	if err := flags.Parse(args); err != nil {
		return err
	}
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		fields := strings.Fields(input.Text())
		started := time.Now()
		fleet.reset()
		switch fields[0] {
		case "connect":
			fleet.connect()
		case "drop":
			fleet.drop()
		case "follow":
			seconds, _ := strconv.ParseFloat(fields[1], 64)
			time.Sleep(time.Duration(seconds * float64(time.Second)))
		}
		if err := json.NewEncoder(os.Stdout).Encode(fleet.result(time.Since(started))); err != nil {
			return err
		}
	}
	return input.Err()
}

func (f *fleet) reset() {
	for _, count := range []*atomic.Int64{&f.frames, &f.credentials, &f.bytes, &f.failed} {
		count.Store(0)
	}
	f.lock.Lock()
	f.latencies = nil
	f.lock.Unlock()
}

// connect returns once all agents are synced, or after five minutes.
func (f *fleet) connect() {
	f.synced.Store(0)
	for n := 0; n < f.nodes; n++ {
		go f.follow(n)
	}
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); {
		if f.synced.Load() >= int64(f.nodes) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (f *fleet) drop() {
	f.lock.Lock()
	defer f.lock.Unlock()
	for _, conn := range f.conns {
		_ = conn.Close()
	}
	f.conns = nil
}

// A refused agent reconnects, as real agents do.
func (f *fleet) follow(n int) {
	for tries := 0; tries < 50; tries++ {
		if f.stream(n) {
			return
		}
		f.failed.Add(1)
		time.Sleep(200 * time.Millisecond)
	}
}

func (f *fleet) stream(n int) bool {
	source := &net.TCPAddr{IP: net.IPv4(127, 2, byte(n/250), byte(n%250+1))}
	dialer := net.Dialer{LocalAddr: source, Timeout: 30 * time.Second}
	var conn net.Conn
	var err error
	if f.secure {
		conn, err = tls.DialWithDialer(&dialer, "tcp", f.target, &tls.Config{InsecureSkipVerify: true})
	} else {
		conn, err = dialer.Dial("tcp", f.target)
	}
	if err != nil {
		return false
	}
	f.lock.Lock()
	f.conns = append(f.conns, conn)
	f.lock.Unlock()
	fmt.Fprintf(conn, "GET /v1/assignments HTTP/1.1\r\nHost: server\r\nAuthorization: Bearer %s\r\n\r\n", token(n))
	reader := bufio.NewReaderSize(conn, 16<<10)
	line, err := reader.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 200") {
		_ = conn.Close()
		return false
	}
	for {
		line, err := reader.ReadSlice('\n')
		f.bytes.Add(int64(len(line)))
		if err != nil && err != bufio.ErrBufferFull {
			return true
		}
		f.read(string(line))
	}
}

func (f *fleet) read(line string) {
	if strings.Contains(line, `"type":"synced"`) {
		f.synced.Add(1)
	}
	if !strings.Contains(line, `"type":"assign"`) {
		return
	}
	f.frames.Add(1)
	ready := strings.Contains(line, `"credentials":`)
	if ready {
		f.credentials.Add(1)
	} else if f.ready {
		return
	}
	// The name of a pod created by the churn contains its creation time.
	_, after, found := strings.Cut(line, `"name":"churn-`)
	if !found {
		return
	}
	text, _, _ := strings.Cut(after, "-")
	made, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return
	}
	f.lock.Lock()
	f.latencies = append(f.latencies, float64(time.Now().UnixMicro()-made)/1000)
	f.lock.Unlock()
}

func token(n int) string {
	claims := fmt.Sprintf(`{"aud":["rolecall-server"],"exp":%d,"sub":"system:serviceaccount:rolecall:rolecall-agent","node":%d}`,
		time.Now().Add(time.Hour).Unix(), n)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(claims)) + ".c2ln"
}

func (f *fleet) result(took time.Duration) agentsResult {
	f.lock.Lock()
	defer f.lock.Unlock()
	sort.Float64s(f.latencies)
	at := func(share float64) float64 {
		if len(f.latencies) == 0 {
			return 0
		}
		return f.latencies[min(len(f.latencies)-1, int(share*float64(len(f.latencies))))]
	}
	return agentsResult{
		Seconds: took.Seconds(), Synced: f.synced.Load(), Frames: f.frames.Load(), Bytes: f.bytes.Load(),
		Credentials: f.credentials.Load(), Failures: f.failed.Load(), P50: at(0.5), P99: at(0.99),
	}
}
