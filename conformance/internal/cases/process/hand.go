package process

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// What a host says to a connector that it starts, as the contract has it.
const (
	cookie   = "CONNECTOR_PLUGIN=c9f1b7d2-connector"
	lifeline = "CONNECTOR_LIFELINE=stdin"
)

// Bounds, from the contract.
const (
	byHandTime = 5 * time.Second // to say what it is, and to start
	orphanTime = 5 * time.Second // to end after its host
)

// A hand is a process of the connector that was started without any help, with a
// directory of its own for whatever it may leave.
type hand struct {
	cmd   *exec.Cmd
	dir   string
	life  io.Closer // its standard input: the lifeline
	out   *output
	errs  *output
	ended chan struct{}
}

// An output is what a process has written to a stream so far.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	line chan struct{} // closed with the first line
	told sync.Once
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if bytes.IndexByte(b, '\n') >= 0 {
		o.told.Do(func() { close(o.line) })
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// program is where the binary under test is.
func program(l *suite.Lane) (string, error) {
	tested, ok := l.Tested().(interface{ Path() string })
	if !ok {
		return "", fmt.Errorf("%w: the connector has no binary", suite.ErrSuite)
	}
	return tested.Path(), nil
}

// byHand starts the connector with nothing in its environment but what is given.
func byHand(l *suite.Lane, env ...string) (*hand, error) {
	path, err := program(l)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "conform-hand-")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	h := &hand{dir: dir, out: &output{line: make(chan struct{})}, errs: &output{line: make(chan struct{})}, ended: make(chan struct{})}
	h.cmd = exec.Command(path) //nolint:gosec,noctx // the connector under test, ended by close
	h.cmd.Dir, h.cmd.Stdout, h.cmd.Stderr = dir, h.out, h.errs
	h.cmd.Env = append([]string{"PATH=/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + dir, mark(dir)}, env...)
	h.cmd.WaitDelay = time.Second // for a child that keeps the pipes open
	if h.life, err = h.cmd.StdinPipe(); err == nil {
		err = h.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: starting the connector by hand: %w", suite.ErrSuite, err), os.RemoveAll(dir))
	}
	go func() {
		_ = h.cmd.Wait() // how it ended is in ProcessState
		close(h.ended)
	}()
	return h, nil
}

// asHost starts it as a host does that offers the versions.
func asHost(l *suite.Lane, versions string) (*hand, error) {
	own, err := newIdentity()
	if err != nil {
		return nil, err
	}
	return asHostWith(l, versions, own)
}

// asHostWith starts it as the host with that identity does.
func asHostWith(l *suite.Lane, versions string, own identity) (*hand, error) {
	sockets, err := os.MkdirTemp("", "c-") // short, for the path of a socket is
	if err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	h, err := byHand(l, cookie, lifeline, "PLUGIN_PROTOCOL_VERSIONS="+versions, "PLUGIN_CLIENT_CERT="+own.pem,
		"PLUGIN_UNIX_SOCKET_DIR="+sockets, "PLUGIN_MIN_PORT=0", "PLUGIN_MAX_PORT=0")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(sockets))
	}
	h.ownSockets(sockets)
	return h, nil
}

// ownSockets removes a directory once the process has ended.
func (h *hand) ownSockets(dir string) {
	ended := h.ended
	h.ended = make(chan struct{})
	go func() {
		<-ended
		_ = os.RemoveAll(dir) // the system clears what is left
		close(h.ended)
	}()
}

// awaitLine waits for its first line on standard output.
func (h *hand) awaitLine(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, byHandTime)
	defer cancel()
	select {
	case <-h.out.line:
		return nil
	case <-h.ended:
		return suite.Brokenf("starting it by hand", "a handshake", "it ended: %s%.300s", h.out, h.errs)
	case <-ctx.Done():
		return suite.Brokenf("starting it by hand", "a handshake within "+byHandTime.String(), "%q", h.out.String())
	}
}

// awaitEnd waits for its end.
func (h *hand) awaitEnd(ctx context.Context, step string, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case <-h.ended:
		return nil
	case <-ctx.Done():
		return suite.Brokenf(step, "its end within "+most.String(), "it runs on")
	}
}

// close ends it, in any way, and removes what it left.
func (h *hand) close() {
	_ = h.life.Close()
	_ = h.cmd.Process.Kill() // an error says that it has ended
	<-h.ended
	for _, pid := range marked(h.dir) {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
	_ = os.RemoveAll(h.dir) // the system clears what is left
}

// mark is a variable that children inherit, by which they are found whatever they do.
func mark(word string) string { return "CONFORM_MARK=" + filepath.Base(word) }

// marked are the processes that have inherited a mark.
func marked(word string) []int {
	var pids []int
	for _, pid := range processes() {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && strings.Contains("\x00"+string(environ), "\x00"+mark(word)+"\x00") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// An identity is what a host shows of itself.
type identity struct {
	pem  string
	pair tls.Certificate
}

func newIdentity() (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		return identity{}, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	return identity{
		pem:  string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
	}, nil
}
