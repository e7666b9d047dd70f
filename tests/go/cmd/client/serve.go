package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// proxyTo serves HTTP on a port of this machine, from the target: its path comes first, the
// visitor's Host header is kept. It returns the port's address.
func proxyTo(target string) (string, error) {
	if !strings.Contains(target, "://") {
		target = "http://" + target
	}
	base, err := url.Parse(target)
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	proxy := httputil.NewSingleHostReverseProxy(base)
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		say("%s %s", r.Method, r.URL.Path)
		proxy.ServeHTTP(w, r)
	}))
	return listener.Addr().String(), nil
}

// serve couples the tunnel's channels with connections to an address.
func serve(listener net.Listener, address string) {
	for {
		channel, err := listener.Accept()
		if err != nil {
			say("tunnel ended: %v", err)
			return
		}
		go couple(channel, address)
	}
}

// couple ends both directions at the first end of file, as the original does.
func couple(channel net.Conn, address string) {
	defer channel.Close()
	local, err := net.Dial("tcp", address)
	if err != nil {
		say("target: %v", err)
		return
	}
	defer local.Close()

	ended := make(chan struct{}, 2)
	relay := func(to io.Writer, from io.Reader) {
		io.Copy(to, from)
		ended <- struct{}{}
	}
	go relay(channel, local)
	go relay(local, channel)
	<-ended
}
