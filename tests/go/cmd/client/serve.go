package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// serveHTTP answers requests on the tunnel's channels from the target, path prefix and all;
// the visitor's Host header is kept.
func serveHTTP(listener net.Listener, target string) error {
	if !strings.Contains(target, "://") {
		target = "http://" + target
	}
	base, err := url.Parse(target)
	if err != nil {
		return err
	}
	proxy := httputil.NewSingleHostReverseProxy(base)
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		say("%s %s", r.Method, r.URL.Path)
		proxy.ServeHTTP(w, r)
	}))
}

func serveTCP(listener net.Listener, target string) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go couple(conn, target)
	}
}

// couple ends both directions at the first end of file, as the original does.
func couple(conn net.Conn, target string) {
	defer conn.Close()
	local, err := net.Dial("tcp", target)
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
	go relay(conn, local)
	go relay(local, conn)
	<-ended
}
