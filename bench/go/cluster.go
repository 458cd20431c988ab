package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// cluster simulates the API server as Rolecall uses it: paged lists, watches with timeouts,
// bookmarks, TokenReviews that accept every token, and objects that are stored as written.
type cluster struct {
	size, bytes, nodes, roles int
	filler                    string

	lock     sync.Mutex
	objects  map[string]json.RawMessage
	version  int
	events   map[string][]event
	extra    []podSpec
	arrived  *sync.Cond
	listFrom time.Time
	listTook time.Duration
	// The API server's certificate, PEM.
	certificate string
}

type event struct {
	version int
	line    []byte
}

func newCluster(size, bytes, nodes, roles int) *cluster {
	c := &cluster{size: size, bytes: bytes, nodes: nodes, roles: roles, version: 1_000_000}
	c.objects = map[string]json.RawMessage{}
	c.events = map[string][]event{}
	c.arrived = sync.NewCond(&c.lock)
	c.filler = strings.Repeat(`{\"name\":\"SETTING\",\"value\":\"of a container\"},`, 1+bytes/40)
	return c
}

type podSpec struct {
	uid, name, namespace, account, node, role, address string
}

// podJSON returns a pod of the configured size. As in a real pod, most of it is irrelevant to the
// decision: the last applied configuration, managed fields, containers, conditions.
func (c *cluster) podJSON(p podSpec) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"metadata":{"name":"%s","generateName":"deployment-","namespace":"%s","uid":"%s",`, p.name, p.namespace, p.uid)
	fmt.Fprintf(&b, `"resourceVersion":"%d","creationTimestamp":"2026-01-01T%02d:%02d:%02dZ",`, c.version, len(p.uid)%24, len(p.name)%60, c.version%60)
	fmt.Fprintf(&b, `"labels":{"app":"%s","pod-template-hash":"5d4f8c7b9"},"annotations":{`, p.account)
	if p.role != "" {
		fmt.Fprintf(&b, `"iam.amazonaws.com/role":"%s",`, p.role)
	}
	b.WriteString(`"kubectl.kubernetes.io/last-applied-configuration":"`)
	const rest = 1650
	if room := c.bytes - rest; room > 0 {
		b.WriteString(strings.TrimSuffix(c.filler[:min(room, len(c.filler))], `\`))
	}
	b.WriteString(`"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"deployment-5d4f8c7b9","uid":"6ab1c60a-57ef-4d39-9c7e-0d6a3cf0b001","controller":true,"blockOwnerDeletion":true}],` +
		`"managedFields":[{"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1","time":"2026-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:annotations":{".":{}},"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{".":{},"f:image":{}}}}}}]},` +
		`"spec":{"volumes":[{"name":"token","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}}],"defaultMode":420}}],"containers":[{"name":"main","image":"registry.example.com/app:1.2.3","resources":{"requests":{"cpu":"100m","memory":"128Mi"}},"terminationMessagePolicy":"File"}],"restartPolicy":"Always",`)
	fmt.Fprintf(&b, `"serviceAccountName":"%s","serviceAccount":"%s","nodeName":"%s","schedulerName":"default-scheduler"},`, p.account, p.account, p.node)
	b.WriteString(`"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-01-01T00:00:05Z"},{"type":"PodScheduled","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z"}],"hostIP":"10.9.9.9",`)
	if p.address != "" {
		fmt.Fprintf(&b, `"podIP":"%s","podIPs":[{"ip":"%s"}],`, p.address, p.address)
	}
	b.WriteString(`"qosClass":"Burstable"}}`)
	return b.Bytes()
}

func (c *cluster) agentPod(n int) podSpec {
	name := fmt.Sprintf("agent-%d", n)
	return podSpec{uid: name, name: name, namespace: "rolecall", account: "rolecall-agent", node: fmt.Sprintf("node-%d", n)}
}

func (c *cluster) workPod(n int) podSpec {
	return podSpec{
		uid: fmt.Sprintf("00000000-0000-4000-8000-%012d", n), name: fmt.Sprintf("deployment-5d4f8c7b9-%05d", n),
		namespace: "bench", account: fmt.Sprintf("account-%d", n%50), node: fmt.Sprintf("node-%d", n%c.nodes),
		role: fmt.Sprintf("role-%d", n%c.roles), address: fmt.Sprintf("10.%d.%d.%d", n>>16, n>>8&255, n&255),
	}
}

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	query := r.URL.Query()
	switch path := r.URL.Path; {
	case path == "/apis/authentication.k8s.io/v1/tokenreviews":
		review(w, r)
	case query.Get("watch") != "":
		c.watch(w, r, plural(path))
	case path == "/api/v1/pods" && query.Get("fieldSelector") == "":
		c.listPods(w, query.Get("limit"), query.Get("continue"))
	case path == "/api/v1/pods":
		fmt.Fprint(w, `{"metadata":{"resourceVersion":"1"},"items":[]}`)
	case path == "/api/v1/namespaces":
		c.list(w, `{"metadata":{"name":"bench","annotations":{"iam.amazonaws.com/permitted":".*"}}},{"metadata":{"name":"rolecall"}}`)
	case path == "/api/v1/serviceaccounts":
		c.list(w, `{"metadata":{"name":"default","namespace":"bench"}}`)
	default:
		c.keep(w, r)
	}
}

func plural(path string) string { return path[strings.LastIndex(path, "/")+1:] }

func (c *cluster) list(w io.Writer, items string) {
	fmt.Fprintf(w, `{"kind":"List","metadata":{"resourceVersion":"%d"},"items":[%s]}`, c.now(), items)
}

func (c *cluster) now() int {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.version
}

func (c *cluster) listPods(w io.Writer, limitText, token string) {
	if token == "" {
		c.listFrom = time.Now()
	}
	from, _ := strconv.Atoi(token)
	limit, _ := strconv.Atoi(limitText)
	c.lock.Lock()
	extra := c.extra
	c.lock.Unlock()
	all := c.nodes + c.size + len(extra)
	to := all
	if limit > 0 {
		to = min(all, from+limit)
	}
	next := ""
	if to < all {
		next = fmt.Sprintf(`"continue":"%d","remainingItemCount":%d,`, to, all-to)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"kind":"PodList","apiVersion":"v1","metadata":{%s"resourceVersion":"%d"},"items":[`, next, c.now())
	for n := from; n < to; n++ {
		if n > from {
			b.WriteByte(',')
		}
		switch at := n - c.nodes; {
		case at < 0:
			b.Write(c.podJSON(c.agentPod(n)))
		case at < c.size:
			b.Write(c.podJSON(c.workPod(at)))
		default:
			b.Write(c.podJSON(extra[at-c.size]))
		}
	}
	b.WriteString("]}\n")
	_, _ = w.Write(b.Bytes())
	if next == "" {
		c.listTook = time.Since(c.listFrom)
	}
}

// watch sends the events since the requested version, and ends cleanly after timeoutSeconds.
func (c *cluster) watch(w http.ResponseWriter, r *http.Request, kind string) {
	since, _ := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	seconds, _ := strconv.Atoi(r.URL.Query().Get("timeoutSeconds"))
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	wake := time.AfterFunc(time.Until(end), c.arrived.Broadcast)
	defer wake.Stop()
	defer context(r, c.arrived.Broadcast)()
	flush := w.(http.Flusher).Flush
	flush()
	for {
		c.lock.Lock()
		for len(c.after(kind, since)) == 0 && time.Now().Before(end) && r.Context().Err() == nil {
			c.arrived.Wait()
		}
		events := c.after(kind, since)
		c.lock.Unlock()
		if len(events) == 0 {
			return
		}
		for _, event := range events {
			_, _ = w.Write(event.line)
			since = event.version
		}
		flush()
	}
}

// context calls back when the request's client disconnects; the returned function cancels that.
func context(r *http.Request, gone func()) func() {
	done := make(chan struct{})
	go func() {
		select {
		case <-r.Context().Done():
			gone()
		case <-done:
		}
	}()
	return func() { close(done) }
}

func (c *cluster) after(kind string, version int) []event {
	events := c.events[kind]
	at := len(events)
	for at > 0 && events[at-1].version > version {
		at--
	}
	return events[at:]
}

// publish adds an event about a pod.
func (c *cluster) publish(what string, pod podSpec) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.version++
	same := func(other podSpec) bool { return other.uid == pod.uid }
	c.extra = append(slices.DeleteFunc(slices.Clone(c.extra), same), pod)
	line := fmt.Appendf(nil, `{"type":"%s","object":%s}`+"\n", what, c.podJSON(pod))
	c.events["pods"] = append(c.events["pods"], event{c.version, line})
	c.arrived.Broadcast()
}

// keep stores an object and returns it; missing objects are 404.
func (c *cluster) keep(w http.ResponseWriter, r *http.Request) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if r.Method == http.MethodGet {
		found, there := c.objects[r.URL.Path]
		if !there {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"kind":"Status","code":404,"message":"not found"}`)
			return
		}
		_, _ = w.Write(found)
		return
	}
	body := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&body)
	metadata, _ := body["metadata"].(map[string]any)
	if metadata == nil {
		metadata = map[string]any{}
	}
	c.version++
	metadata["resourceVersion"] = strconv.Itoa(c.version)
	body["metadata"] = metadata
	answer, _ := json.Marshal(body)
	c.objects[r.URL.Path] = answer
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(answer)
}

func review(w io.Writer, r *http.Request) {
	var review struct {
		Spec struct {
			Token     string
			Audiences []string
		}
	}
	_ = json.NewDecoder(r.Body).Decode(&review)
	var claims struct{ Node json.Number }
	if parts := strings.Split(review.Spec.Token, "."); len(parts) == 3 {
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(payload, &claims)
	}
	agent := "agent-" + claims.Node.String()
	_ = json.NewEncoder(w).Encode(map[string]any{"status": map[string]any{
		"authenticated": true, "audiences": review.Spec.Audiences,
		"user": map[string]any{
			"username": "system:serviceaccount:rolecall:rolecall-agent",
			"extra": map[string][]string{
				"authentication.kubernetes.io/pod-name": {agent}, "authentication.kubernetes.io/pod-uid": {agent},
			},
		},
	}})
}

// runCluster serves a cluster over TLS. Commands on standard input: `list` returns how long the
// last list of pods took; `pods RATE COUNT ROLES` schedules pods, with the time of scheduling in
// each name; `answers COUNT MS AGENT` schedules pods on node-0 and requests their credentials from
// that agent; `steady RATE COUNT AGENT` keeps requesting those of the first pod; `authority`
// returns the server's CA.
func runCluster(args []string) error {
	flags := flag.NewFlagSet("cluster", flag.ExitOnError)
	pods := flags.Int("pods", 0, "existing pods")
	size := flags.Int("bytes", 6000, "a pod's JSON")
	nodes := flags.Int("nodes", 10, "nodes, each with an agent's pod")
	roles := flags.Int("roles", 50, "roles that the pods name in turn")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c := newCluster(*pods, *size, *nodes, *roles)
	certificate, err := selfSigned()
	if err != nil {
		return err
	}
	c.certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("LISTENING %d\n", listener.Addr().(*net.TCPAddr).Port)
	secure := tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	go func() { _ = http.Serve(secure, c) }()
	return obey(c.command)
}

func (c *cluster) command(fields []string) any {
	number := func(at int) int {
		n, _ := strconv.Atoi(fields[at])
		return n
	}
	switch fields[0] {
	case "list":
		return map[string]any{"seconds": c.listTook.Seconds(), "podBytes": len(c.podJSON(c.workPod(0)))}
	case "pods":
		c.schedule(number(1), number(2), number(3))
	case "certificate":
		return c.certificate
	case "authority":
		return c.objects["/api/v1/namespaces/rolecall/configmaps/rolecall-server-ca"]
	case "answers":
		return c.answers(number(1), number(2), fields[3])
	case "steady":
		return c.steady(number(1), number(2), fields[3])
	}
	return map[string]any{}
}

func (c *cluster) schedule(rate, count, roles int) {
	started := time.Now()
	for n := 0; n < count; n++ {
		time.Sleep(time.Until(started.Add(time.Duration(n) * time.Second / time.Duration(rate))))
		c.publish("ADDED", podSpec{
			uid: fmt.Sprintf("cold-%d-%d", roles, n), name: fmt.Sprintf("churn-%d-x", time.Now().UnixMicro()),
			namespace: "bench", account: "default", node: fmt.Sprintf("node-%d", n%c.nodes),
			role: fmt.Sprintf("cold-%d-%d", roles, n%roles),
		})
	}
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
