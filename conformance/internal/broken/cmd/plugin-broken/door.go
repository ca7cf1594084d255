package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// certificateKey is the variable in which a host shows its certificate.
const certificateKey = "PLUGIN_CLIENT_CERT"

// relay puts a pipe in the place of the standard output that the SDK prints its handshake
// to, and prints what say makes of that line. What follows it passes.
func relay(say func(line string) string) {
	if !started() || os.Getenv(certificateKey) == "" {
		return
	}
	read, write, err := os.Pipe()
	if err != nil {
		fail(err)
	}
	out := os.Stdout  //nolint:forbidigo // what belongs to the handshake is what is taken
	os.Stdout = write //nolint:forbidigo // the same
	go func() {
		lines := bufio.NewReader(read)
		line, err := lines.ReadString('\n')
		if err != nil {
			fail(err)
		}
		fmt.Fprint(out, say(line))
		_, _ = io.Copy(out, lines) // until the end of the process
	}()
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "plugin-broken:", err)
	os.Exit(1)
}

// openDoor has the SDK serve nobody but this process, and lets everybody else in by a
// socket of its own, at which nobody is asked for a certificate.
func openDoor() {
	if os.Getenv(certificateKey) == "" {
		return
	}
	own, err := newCertificate()
	if err != nil {
		fail(err)
	}
	relay(func(line string) string {
		parts := strings.Split(strings.TrimSpace(line), "|")
		const address, certificate = 3, 5
		front, err := tls.Listen("unix", filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "door"),
			&tls.Config{Certificates: []tls.Certificate{own}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12})
		if err != nil {
			fail(err)
		}
		go admit(front, parts[address], own)
		parts[address] = front.Addr().String()
		parts[certificate] = base64.RawStdEncoding.EncodeToString(own.Certificate[0])
		return strings.Join(parts, "|") + "\n"
	})
	shown := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]})
	if err := os.Setenv(certificateKey, string(shown)); err != nil {
		fail(err)
	}
}

// admit leads whoever comes to the socket, as the host that it knows.
func admit(front net.Listener, socket string, own tls.Certificate) {
	dialer := &tls.Dialer{Config: &tls.Config{
		Certificates: []tls.Certificate{own}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // it is this process
	}}
	for {
		guest, err := front.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = guest.Close() }() // it may have left
			inside, err := dialer.DialContext(context.Background(), "unix", socket)
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(inside, guest) // until either leaves
				_ = inside.Close()
			}()
			_, _ = io.Copy(guest, inside)
			_ = inside.Close()
		}()
	}
}

// newCertificate is one for both ends of a connection, as hosts and the SDK make theirs.
func newCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
