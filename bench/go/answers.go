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

// answers schedules pods one after another on node-0, gives each its address after a while, and asks
// the agent for its credentials from there at once: how long until the first answer has them.
func (c *cluster) answers(count, laterMs int, agent string) any {
	var took []float64
	for n := 0; n < count; n++ {
		// The third number tells the runs apart: no address comes twice.
		address := fmt.Sprintf("127.3.%d.%d", laterMs%256, n+1)
		name := fmt.Sprintf("first-%d-%d", laterMs, n)
		pod := podSpec{uid: name, name: name, namespace: "bench", account: "default", node: "node-0", role: name}
		if laterMs > 0 {
			c.tell("ADDED", pod)
			time.Sleep(time.Duration(laterMs) * time.Millisecond)
		}
		pod.address = address
		c.tell("MODIFIED", pod)
		started := time.Now()
		for !credentialsAt(agent, address, pod.role) && time.Since(started) < 10*time.Second {
			time.Sleep(time.Millisecond)
		}
		took = append(took, float64(time.Since(started).Microseconds())/1000)
		time.Sleep(60 * time.Millisecond)
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

// steady asks the agent at a steady rate for the credentials of the first pod that answers has made.
func (c *cluster) steady(rate, count int, agent string) any {
	var took []float64
	failed := 0
	started := time.Now()
	for n := 0; n < count; n++ {
		time.Sleep(time.Until(started.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		asked := time.Now()
		if !credentialsAt(agent, "127.3.0.1", "first-0-0") {
			failed++
		}
		took = append(took, float64(time.Since(asked).Microseconds())/1000)
	}
	sort.Float64s(took)
	return map[string]any{"failed": failed, "p50Ms": took[len(took)/2], "mostMs": took[len(took)-1]}
}
