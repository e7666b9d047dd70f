// Client is a stand-in for the pgrok that this project replaces: it says on the wire what that
// one says, in its order and with the strictness of golang.org/x/crypto/ssh. It takes commands
// on standard input: "cancel" and "info".
package main

import (
	"bufio"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

type options struct {
	remote, forward, token string
	protocol               string
	hint                   string
	infoFirst              bool
	reconnect              bool
}

func main() {
	o := options{}
	flag.StringVar(&o.remote, "remote-addr", "", "host:port of the server's sshd")
	flag.StringVar(&o.forward, "forward-addr", "", "host:port (tcp) or URL (http) of the target")
	flag.StringVar(&o.token, "token", "", "token of the person")
	flag.StringVar(&o.protocol, "protocol", "http", "http or tcp")
	flag.StringVar(&o.hint, "hint", "", "payload of hint instead of the usual one; none sends no hint")
	flag.BoolVar(&o.infoFirst, "info-first", false, "ask for server-info before any forward")
	flag.BoolVar(&o.reconnect, "reconnect", false, "connect again after a lost connection")
	flag.Parse()

	for pause := 100 * time.Millisecond; ; pause *= 2 {
		err := run(o)
		say("error: %v", err)
		refused := err != nil && strings.Contains(err.Error(), "no supported methods remain")
		if refused || !o.reconnect {
			os.Exit(1)
		}
		time.Sleep(min(pause, 2*time.Second))
	}
}

// run serves one connection until it is lost.
func run(o options) error {
	address := o.forward
	if o.protocol == "http" {
		var err error
		if address, err = proxyTo(o.forward); err != nil {
			return err
		}
	}
	client, err := dial(o)
	if err != nil {
		return err
	}
	defer client.Close()

	if o.infoFirst {
		serverInfo(client, o)
	}
	if err := sendHint(client, o); err != nil {
		return err
	}
	listener, err := client.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	say("port %d", listener.Addr().(*net.TCPAddr).Port)
	if url := serverInfo(client, o); url != "" {
		say("🎉 You're ready to go live at %s! remote=%s", url, o.remote)
	}
	go obey(client, listener, o)
	go serve(listener, address)
	return client.Wait()
}

func dial(o options) (*ssh.Client, error) {
	return ssh.Dial("tcp", o.remote, &ssh.ClientConfig{
		User: "pgrok",
		Auth: []ssh.AuthMethod{ssh.Password(o.token)},
		// The original checks nothing; the fingerprint is shown so that a test can.
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			say("host key %s %s", key.Type(), ssh.FingerprintSHA256(key))
			return nil
		},
		Timeout: 10 * time.Second,
	})
}

// obey carries out the commands on standard input.
func obey(client *ssh.Client, listener net.Listener, o options) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "cancel":
			if err := listener.Close(); err != nil {
				say("cancel refused: %v", err)
			} else {
				say("canceled")
			}
		case "info":
			serverInfo(client, o)
		}
	}
}

func say(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
}
