// Server is a stand-in for the original's pgrokd, as far as a client can see it. Every event
// goes to standard output as one line of JSON, the first one with the ports it listens on.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
)

func main() {
	sshAddr := flag.String("ssh-addr", "127.0.0.1:0", "address for clients")
	proxyAddr := flag.String("proxy-addr", "127.0.0.1:0", "address for visitors")
	people := flag.String("people", "alice=secret", "NAME=TOKEN,... who may connect")
	seed := flag.String("key-seed", "", "what the host key is made from; empty makes a random one")
	flag.Parse()

	sshListener := listen(*sshAddr)
	proxyListener := listen(*proxyAddr)
	s := newServer(portOf(proxyListener), parsePeople(*people), hostKey(*seed))
	logEvent("listening", map[string]any{
		"ssh":         portOf(sshListener),
		"proxy":       portOf(proxyListener),
		"fingerprint": s.fingerprint(),
	})
	go func() { fail(http.Serve(proxyListener, s.front)) }()
	for {
		conn, err := sshListener.Accept()
		if err != nil {
			fail(err)
		}
		go s.serve(conn)
	}
}

// parsePeople returns the name that each token stands for.
func parsePeople(text string) map[string]string {
	names := map[string]string{}
	for _, person := range strings.Split(text, ",") {
		name, token, _ := strings.Cut(person, "=")
		names[token] = name
	}
	return names
}

func listen(addr string) net.Listener {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		fail(err)
	}
	return listener
}

func portOf(listener net.Listener) int {
	return listener.Addr().(*net.TCPAddr).Port
}

var logLock sync.Mutex

func logEvent(event string, fields map[string]any) {
	logLock.Lock()
	defer logLock.Unlock()
	line := map[string]any{"event": event}
	for key, value := range fields {
		line[key] = value
	}
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
