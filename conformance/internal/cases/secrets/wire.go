package secrets

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

var elsewhere = suite.Case{
	ID: "secrets/not-sent-elsewhere", Requirement: "PC-SEC-004", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "Where the provider redirects a call to another address, no secret is sent there.",
	Why:  "Whoever can answer one call with a redirect is handed the merchant's key.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		for _, status := range []int{301, 302, 303, 307, 308} {
			if err := l.Break(proxy.Fault{What: proxy.Redirect, Reply: proxy.Reply{Status: status}}); err != nil {
				return err
			}
			mark := l.Mark()
			err := errors.Join(calls(ctx, l, fmt.Sprintf("redirected with %d", status)), l.Heal())
			if err != nil {
				return err
			}
			if l.Heard(mark) == 0 {
				return fmt.Errorf("%w: the provider was never asked", suite.ErrBlocked)
			}
			for _, x := range l.Proxy.Elsewhere().Exchanges {
				step := fmt.Sprintf("following a redirect with %d to another address, %s %s", status, x.Request.Method, x.Request.Target)
				if err := hidden(l, step, bytes.Join([][]byte{x.Request.Head, x.Request.Body}, nil), l.Account.Secrets); err != nil {
					return err
				}
			}
		}
		return nil
	},
}

// tlsTime bounds a call to somebody who is not to be trusted.
const tlsTime = 5 * time.Second

var untrustedTLS = suite.Case{
	ID: "secrets/tls-verified", Requirement: "PC-SEC-005", Profile: suite.Core, Needs: needs, Sim: true,
	Rule: "A provider whose certificate nobody vouches for is told nothing, and the call fails.",
	Why:  "Whoever stands between the connector and its provider would read every key and answer every call.",
	Run: func(ctx context.Context, l *suite.Lane) (err error) {
		server, err := newImpostor()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, server.close()) }()
		moved := maps.Clone(l.Account.Config)
		found := false
		for name, value := range moved {
			moved[name] = strings.ReplaceAll(value, l.Proxy.URL(), server.url())
			found = found || moved[name] != value
		}
		if !found {
			return fmt.Errorf("%w: no field of the account is ${provider.url}", suite.ErrNotTestable)
		}
		l.Account.Config = moved
		bounded, cancel := context.WithTimeout(ctx, tlsTime)
		defer cancel()
		const step = "authorizing at a provider whose certificate is its own"
		refusal := l.Invoke(bounded, sdk.OpAuthorize)
		if n := server.heard.Load(); n > 0 {
			return suite.Brokenf(step, "nothing to be sent", "%d bytes within TLS", n)
		}
		if server.met.Load() == 0 {
			return fmt.Errorf("%w: %s: it never came: %w", suite.ErrBlocked, step, refusal)
		}
		return suite.Failed(step, refusal) // what it is called is another case's to say
	},
}

// An impostor is a TLS server that vouches for itself. It counts who comes and what it
// is told, and answers nothing.
type impostor struct {
	listener net.Listener
	serving  sync.WaitGroup
	met      atomic.Int64 // connections
	heard    atomic.Int64 // bytes of requests
}

func newImpostor() (*impostor, error) {
	certificate, err := selfSigned()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	plain, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", suite.ErrSuite, err)
	}
	s := &impostor{listener: tls.NewListener(plain, &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"},
	})}
	s.serving.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return // it was closed
			}
			s.met.Add(1)
			s.serving.Go(func() { s.listen(conn) })
		}
	})
	return s, nil
}

// listen reads until somebody says something, or leaves.
func (s *impostor) listen(conn net.Conn) {
	_ = conn.SetDeadline(time.Now().Add(tlsTime)) // fails only on a connection that is gone
	var b [1 << 10]byte
	n, _ := conn.Read(b[:]) // that it left is what is hoped for
	s.heard.Add(int64(n))
	_ = conn.Close() // it has nothing to say
}

func (s *impostor) url() string { return "https://" + s.listener.Addr().String() }

func (s *impostor) close() error {
	err := s.listener.Close()
	s.serving.Wait()
	return err
}

// selfSigned is a certificate for this machine that is right in everything but in who
// signed it.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
