package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// sendHint tells the server the protocol; a refusal ends the client, as it does the original.
func sendHint(client *ssh.Client, o options) error {
	if o.hint == "none" {
		return nil
	}
	payload := []byte(o.hint)
	if o.hint == "" {
		payload = protocolPayload(o)
	}
	ok, reply, err := client.SendRequest("hint", true, payload)
	if err != nil {
		return fmt.Errorf("hint: %w", err)
	}
	if !ok {
		say("hint refused: %s", reply)
		return errors.New("server does not take the hint")
	}
	return nil
}

// serverInfo asks where the tunnel is; it returns nothing where the server refuses to say.
func serverInfo(client *ssh.Client, o options) string {
	ok, reply, err := client.SendRequest("server-info", true, protocolPayload(o))
	if err != nil {
		say("server-info failed: %v", err)
		return ""
	}
	if !ok {
		say("server-info refused: %s", reply)
		return ""
	}
	var info struct {
		HostURL string `json:"host_url"`
	}
	if err := json.Unmarshal(reply, &info); err != nil {
		say("server-info unreadable: %v", err)
	}
	say("server-info %s", reply)
	return info.HostURL
}

func protocolPayload(o options) []byte {
	payload, err := json.Marshal(map[string]string{"protocol": o.protocol})
	if err != nil {
		panic(err)
	}
	return payload
}
