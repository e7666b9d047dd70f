package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"
)

// forwardRequest is the payload of tcpip-forward (RFC 4254 7.1).
type forwardRequest struct {
	Addr string
	Port uint32
}

// forwardedPayload opens a forwarded-tcpip channel (RFC 4254 7.2).
type forwardedPayload struct {
	Addr           string
	Port           uint32
	OriginatorAddr string
	OriginatorPort uint32
}

type tunnel struct {
	conn     *ssh.ServerConn
	listener net.Listener
	address  string // as the client sent it
	url      string
	host     string // of an http tunnel, as the front knows it
	ended    func()
}

// forward opens the tunnel: both kinds bind a port, and for http the front routes a host to it.
func (s *session) forward(payload []byte) ([]byte, error) {
	var request forwardRequest
	if err := ssh.Unmarshal(payload, &request); err != nil {
		return nil, err
	}
	if request.Port != 0 {
		return nil, errors.New("only port 0 can be asked for")
	}
	listener, err := s.listen()
	if err != nil {
		return nil, err
	}
	t := &tunnel{conn: s.conn, listener: listener, address: request.Addr}
	if s.protocol == "http" {
		t.host = s.front.claim(s.name, portOf(listener))
		t.url, t.ended = "http://"+t.host, func() { s.front.release(t.host) }
	} else {
		t.url, t.ended = fmt.Sprintf("tcp://localhost:%d", portOf(listener)), func() {}
	}
	s.tunnel = t
	go t.accept()
	return ssh.Marshal(struct{ Port uint32 }{uint32(portOf(listener))}), nil
}

func (s *session) listen() (net.Listener, error) {
	if s.protocol == "http" {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return s.ports.listen(s.name)
}

func (t *tunnel) accept() {
	for {
		socket, err := t.listener.Accept()
		if err != nil {
			return
		}
		go t.couple(socket)
	}
}

// couple ends both directions at the first end of file, as the original does.
func (t *tunnel) couple(socket net.Conn) {
	defer socket.Close()
	originator := socket.RemoteAddr().(*net.TCPAddr)
	channel, requests, err := t.conn.OpenChannel("forwarded-tcpip", ssh.Marshal(forwardedPayload{
		Addr:           t.address,
		Port:           uint32(portOf(t.listener)),
		OriginatorAddr: originator.IP.String(),
		OriginatorPort: uint32(originator.Port),
	}))
	if err != nil {
		logEvent("channel refused", map[string]any{"error": err.Error()})
		return
	}
	defer channel.Close()
	go ssh.DiscardRequests(requests)

	ended := make(chan struct{}, 2)
	relay := func(to io.Writer, from io.Reader) {
		io.Copy(to, from)
		ended <- struct{}{}
	}
	go relay(channel, socket)
	go relay(socket, channel)
	<-ended
}

func (t *tunnel) end() {
	t.listener.Close()
	t.ended()
}

// ports remembers which one each person had last.
type ports struct {
	lock sync.Mutex
	last map[string]int
}

func newPorts() *ports { return &ports{last: map[string]int{}} }

func (p *ports) listen(name string) (net.Listener, error) {
	p.lock.Lock()
	defer p.lock.Unlock()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.last[name]))
	if err != nil {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err == nil {
		p.last[name] = portOf(listener)
	}
	return listener, err
}
