package launch

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/go-plugin"

	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// maxHandshake bounds the first line. A real one has about 1,100 bytes.
const maxHandshake = 8 << 10

// A handshake is the first line of standard output on its way to go-plugin, which
// gets to see no other byte of the connector's output, and this one only if it is
// what it should be. As a reader it blocks until the line is known or the stream is
// at its end.
type handshake struct {
	known  chan struct{} // closed when line and err are set
	settle sync.Once
	line   io.Reader // empty if there was none
	err    error
}

func newHandshake() *handshake { return &handshake{known: make(chan struct{})} }

func (h *handshake) settled(line string, err error) {
	h.settle.Do(func() {
		if err != nil {
			line = ""
		}
		h.line, h.err = strings.NewReader(line), err
		close(h.known)
	})
}

// Read implements io.Reader for go-plugin.
func (h *handshake) Read(p []byte) (int, error) {
	<-h.known
	return h.line.Read(p)
}

// Close implements io.Closer for go-plugin; the pipe is not its to close.
func (h *handshake) Close() error { return nil }

// failure is what was wrong with the line, nil if nothing was or none came yet.
func (h *handshake) failure() error {
	select {
	case <-h.known:
		return h.err
	default:
		return nil
	}
}

var errNoLine = errors.New("it closed its standard output before the handshake")

// readFrom takes the first line from out and judges it.
func (h *handshake) readFrom(out *bufio.Reader, socketDir string) {
	line, err := out.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		h.settled("", failf(ReasonHandshake, "its first line of output is longer than %d bytes: %q",
			maxHandshake, excerpt(line)))
	case err != nil && len(line) == 0:
		h.settled("", &failure{ReasonHandshake, errNoLine})
	case err != nil:
		h.settled("", notHandshake(line))
	default:
		h.settled(string(line), judge(line, socketDir))
	}
}

// judge says what is wrong with a handshake. go-plugin would let a connector without
// a certificate pass, and dial whatever address it is given.
func judge(line []byte, socketDir string) error {
	parts := strings.Split(string(bytes.TrimSpace(line)), "|")
	if len(parts) < 6 {
		return notHandshake(line)
	}
	core, version, network, address, protocol, cert := parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]
	speaks, err := strconv.Atoi(version)
	switch {
	case core != strconv.Itoa(plugin.CoreProtocolVersion) || err != nil:
		return notHandshake(line)
	case !slices.Contains(link.Versions(), speaks):
		return failf(ReasonContract, "it speaks contract version %d, this host %d", speaks, link.Versions())
	case protocol != string(plugin.ProtocolGRPC):
		return failf(ReasonHandshake, "it speaks %q instead of grpc", protocol)
	case network != "unix" || filepath.Dir(address) != socketDir:
		return failf(ReasonHandshake, "it listens on %s %q instead of a Unix socket in %s", network, address, socketDir)
	}
	if err := checkCertificate(cert); err != nil {
		return failf(ReasonHandshake, "its certificate: %w", err)
	}
	return nil
}

func checkCertificate(encoded string) error {
	if encoded == "" {
		return errors.New("it has none, so its connection would not be protected")
	}
	der, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	_, err = x509.ParseCertificate(der)
	return err
}

func notHandshake(line []byte) error {
	return failf(ReasonHandshake,
		"it printed %q where the handshake should be: nothing may write to standard output before serve.Connector",
		excerpt(line))
}

// excerpt is short, because what a connector prints could be anything.
func excerpt(line []byte) string {
	const most = 80
	line = bytes.TrimSpace(line)
	if len(line) > most {
		return string(line[:most]) + "…"
	}
	return string(line)
}
