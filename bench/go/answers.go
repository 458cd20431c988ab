package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sort"
	"strings"
	"time"
)

// answers schedules pods one after another on node-0, gives each its address after a delay, and at
// once requests its credentials from that address. It measures the time until the first answer with
// credentials.
func (c *cluster) answers(count, laterMs int, agent string) any {
	var took []float64
	for n := 0; n < count; n++ {
		if n > 0 {
			time.Sleep(60 * time.Millisecond)
		}
		// The third number differs between runs, so no address is reused.
		address := fmt.Sprintf("127.3.%d.%d", laterMs%256, n+1)
		name := fmt.Sprintf("first-%d-%d", laterMs, n)
		pod := podSpec{uid: name, name: name, namespace: "bench", account: "default", node: "node-0", role: name}
		if laterMs > 0 {
			c.publish("ADDED", pod)
			time.Sleep(time.Duration(laterMs) * time.Millisecond)
		}
		pod.address = address
		c.publish("MODIFIED", pod)
		started := time.Now()
		for !credentialsAt(agent, address, pod.role) && time.Since(started) < 10*time.Second {
			time.Sleep(time.Millisecond)
		}
		took = append(took, float64(time.Since(started).Microseconds())/1000)
	}
	sort.Float64s(took)
	return map[string]float64{"p50Ms": took[len(took)/2], "mostMs": took[len(took)-1]}
}

func credentialsAt(agent, address, role string) bool {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	client := &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	response, err := client.Get("http://" + agent + "/latest/meta-data/iam/security-credentials/" + role)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode == http.StatusOK && strings.Contains(string(body), `"Token"`)
}

// steady requests the credentials of the first pod that answers created, at a steady rate.
func (c *cluster) steady(rate, count int, agent string) any {
	var took []float64
	failed := 0
	started := time.Now()
	for n := 0; n < count; n++ {
		time.Sleep(time.Until(started.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		start := time.Now()
		if !credentialsAt(agent, "127.3.0.1", "first-0-0") {
			failed++
		}
		took = append(took, float64(time.Since(start).Microseconds())/1000)
	}
	sort.Float64s(took)
	return map[string]any{"failed": failed, "p50Ms": took[len(took)/2], "mostMs": took[len(took)-1]}
}
