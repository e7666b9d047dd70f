package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
)

// front answers visitors: it routes the Host header, to the letter, to a tunnel's port.
type front struct {
	port    int
	lock    sync.Mutex
	proxies map[string]*httputil.ReverseProxy
}

func newFront(port int) *front {
	return &front{port: port, proxies: map[string]*httputil.ReverseProxy{}}
}

// claim gives the person's own host, or one with 32 hexadecimal digits in front where it is taken.
func (f *front) claim(name string, port int) string {
	f.lock.Lock()
	defer f.lock.Unlock()
	host := fmt.Sprintf("%s.localhost:%d", name, f.port)
	if _, taken := f.proxies[host]; taken {
		random := make([]byte, 16)
		rand.Read(random)
		host = hex.EncodeToString(random) + "-" + host
	}
	f.proxies[host] = httputil.NewSingleHostReverseProxy(
		&url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)},
	)
	return host
}

func (f *front) release(host string) {
	f.lock.Lock()
	defer f.lock.Unlock()
	delete(f.proxies, host)
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.lock.Lock()
	proxy, found := f.proxies[r.Host]
	f.lock.Unlock()
	if !found {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprintf(w, "No reverse proxy is available for the host: %s", r.Host)
		return
	}
	proxy.ServeHTTP(w, r)
}
