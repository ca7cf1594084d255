package process

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

var strangersAreNotServed = suite.Case{
	ID: "handshake/strangers", Requirement: "PC-HS-006", Profile: suite.Core, Process: true,
	Rule: "Whoever reaches its socket without the host's certificate is not served, in TLS or in clear.",
	Why:  "Another program of the same user takes payments back, with the merchants' keys in its requests.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		own, err := newIdentity()
		if err != nil {
			return err
		}
		other, err := newIdentity()
		if err != nil {
			return err
		}
		h, err := asHostWith(l, "1", own)
		if err != nil {
			return err
		}
		defer h.close()
		if err := h.awaitLine(ctx); err != nil {
			return err
		}
		parts, ok := handshakeOf(h.out.String())
		if !ok {
			return suite.Brokenf("starting it as a host does", "a handshake", "%.200q", h.out.String())
		}
		for _, caller := range []struct {
			who    string
			config *tls.Config
			served bool
		}{
			{"its host", speaks(own.pair), true},
			{"somebody with another certificate", speaks(other.pair), false},
			{"somebody without a certificate", speaks(), false},
			{"somebody without TLS", nil, false},
		} {
			served, err := answers(ctx, parts[3], caller.config)
			if err != nil {
				return err
			}
			if err := suite.Equal("being called by "+caller.who+": whether it answers", served, caller.served); err != nil {
				return err
			}
		}
		return nil
	},
}

// speaks is a caller with those certificates, whoever answers.
func speaks(own ...tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: own, ServerName: "localhost", NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // it is the caller who is not to be trusted here
	}
}

// preface is how a client of HTTP/2 begins: the words, and an empty SETTINGS frame.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// answerTime is how long a caller who is served may have to wait for the first byte.
const answerTime = 2 * time.Second

// answers reports whether whoever listens on the socket begins to talk to the caller.
func answers(ctx context.Context, socket string, config *tls.Config) (bool, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return false, suite.Brokenf("connecting to its socket", "a connection", "%v", err)
	}
	defer func() { _ = conn.Close() }() // whether it answers is known by then
	if err := conn.SetDeadline(time.Now().Add(answerTime)); err != nil {
		return false, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	if config != nil {
		conn = tls.Client(conn, config)
	}
	if _, err := conn.Write([]byte(preface)); err != nil {
		return false, nil // it was turned away
	}
	_, err = conn.Read(make([]byte, 1))
	return err == nil, nil
}
