// Package tunnel asks an HTTP proxy for a connection to somewhere else (CONNECT, RFC
// 9110 §9.3.6). Both sides of a host use it: a connector to get out through the host's
// gate, and the gate to get out through the proxy of its network.
//
// It sends nothing but the address and what it is given, and trusts the proxy to
// connect to where it was told.
package tunnel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxRefusal bounds how much of a refusal is read.
const maxRefusal = 512

// A RefusedError is a proxy's refusal to connect. Nothing was sent beyond the proxy.
type RefusedError struct {
	Address string // where to
	Status  int    // the proxy's
	Reason  string // its words, at most a line
}

// Error says who was refused and why.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("connecting to %s: refused with %d: %s", e.Address, e.Status, e.Reason)
}

// Open asks the proxy at the other end of conn to connect to address, a host:port, and
// returns the connection to there. It closes conn when it fails. The context bounds
// the asking alone.
func Open(ctx context.Context, conn net.Conn, address string, header http.Header) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // ends what is under way
	through, err := open(conn, address, header)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		return through, nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("connecting to %s: %w", address, ctx.Err())
	}
	return nil, errors.Join(err, conn.Close())
}

func open(conn net.Conn, address string, header http.Header) (net.Conn, error) {
	request := &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: header,
	}
	if request.Header == nil {
		request.Header = http.Header{}
	}
	if err := request.Write(conn); err != nil {
		return nil, fmt.Errorf("asking for a connection to %s: %w", address, err)
	}
	reader := bufio.NewReader(conn)
	answer, err := http.ReadResponse(reader, request) //nolint:bodyclose // what is left of it is the tunnel
	if err != nil {
		return nil, fmt.Errorf("asking for a connection to %s: %w", address, err)
	}
	if answer.StatusCode != http.StatusOK {
		words, err := io.ReadAll(io.LimitReader(answer.Body, maxRefusal))
		line, _, _ := strings.Cut(strings.TrimSpace(string(words)), "\n")
		return nil, errors.Join(&RefusedError{Address: address, Status: answer.StatusCode, Reason: line}, err)
	}
	if reader.Buffered() == 0 {
		return conn, nil
	}
	return &begun{Conn: conn, reader: reader}, nil
}

// A begun connection has bytes that came with the proxy's answer.
type begun struct {
	net.Conn
	reader *bufio.Reader
}

// Read implements [net.Conn].
func (b *begun) Read(p []byte) (int, error) { return b.reader.Read(p) }
