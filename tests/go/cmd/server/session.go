package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net"

	"golang.org/x/crypto/ssh"
)

type server struct {
	names  map[string]string // by token
	signer ssh.Signer
	front  *front
	ports  *ports
}

func newServer(proxyPort int, names map[string]string, signer ssh.Signer) *server {
	return &server{names: names, signer: signer, front: newFront(proxyPort), ports: newPorts()}
}

func hostKey(seed string) ssh.Signer {
	if seed == "" {
		seed = rand.Text()
	}
	digest := sha256.Sum256([]byte(seed))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(digest[:]))
	if err != nil {
		fail(err)
	}
	return signer
}

func (s *server) fingerprint() string {
	return ssh.FingerprintSHA256(s.signer.PublicKey())
}

func (s *server) config() *ssh.ServerConfig {
	config := &ssh.ServerConfig{
		PasswordCallback: func(meta ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			name, known := s.names[string(password)]
			logEvent("password", map[string]any{"user": meta.User(), "known": known})
			if !known {
				return nil, errors.New("unknown token")
			}
			return &ssh.Permissions{Extensions: map[string]string{"name": name}}, nil
		},
	}
	config.AddHostKey(s.signer)
	return config
}

// session is one client's connection.
type session struct {
	*server
	conn     *ssh.ServerConn
	name     string
	protocol string
	tunnel   *tunnel
}

func (s *server) serve(socket net.Conn) {
	conn, channels, requests, err := ssh.NewServerConn(socket, s.config())
	if err != nil {
		logEvent("handshake failed", map[string]any{"error": err.Error()})
		socket.Close()
		return
	}
	session := &session{server: s, conn: conn, name: conn.Permissions.Extensions["name"], protocol: "http"}
	go refuseChannels(channels)
	for request := range requests {
		logEvent("request", map[string]any{"name": request.Type, "payload": string(request.Payload)})
		session.answer(request)
	}
	session.endTunnel()
	logEvent("disconnected", map[string]any{"client": string(conn.ClientVersion())})
}

func refuseChannels(channels <-chan ssh.NewChannel) {
	for channel := range channels {
		channel.Reject(ssh.UnknownChannelType, "only forwards are served")
	}
}

// answer replies to one global request; a failure's payload is its text.
func (s *session) answer(request *ssh.Request) {
	var reply []byte
	var err error
	switch request.Type {
	case "hint":
		err = s.hint(request.Payload)
	case "tcpip-forward":
		reply, err = s.forward(request.Payload)
	case "server-info":
		reply, err = s.serverInfo()
	case "cancel-tcpip-forward":
		s.endTunnel()
	default:
		err = errors.New("unknown request")
	}
	if err != nil {
		reply = []byte(err.Error())
	}
	request.Reply(err == nil, reply)
}

func (s *session) hint(payload []byte) error {
	var hint struct {
		Protocol string `json:"protocol"`
	}
	if err := json.Unmarshal(payload, &hint); err != nil {
		return err
	}
	if hint.Protocol != "http" && hint.Protocol != "tcp" {
		return fmt.Errorf("unsupported protocol: %q", hint.Protocol)
	}
	s.protocol = hint.Protocol
	return nil
}

func (s *session) serverInfo() ([]byte, error) {
	if s.tunnel == nil {
		return nil, errors.New("no forward has been asked for")
	}
	return json.Marshal(map[string]string{"host_url": s.tunnel.url})
}

func (s *session) endTunnel() {
	if s.tunnel != nil {
		s.tunnel.end()
		s.tunnel = nil
	}
}
