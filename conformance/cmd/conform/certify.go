package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance"
	"github.com/connectorhost/connectorhost/conformance/internal/report"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

type keygenCmd struct {
	Out string `required:"" type:"path" placeholder:"FILE" help:"Where to write the key; its public half goes to FILE.pub."`
}

// Run makes a key pair. It overwrites nothing.
func (c *keygenCmd) Run(w *world) error {
	key, err := certificate.GenerateKey()
	if err != nil {
		return err
	}
	if err := certificate.WriteKeyPair(c.Out, key); err != nil {
		return &usageError{err}
	}
	_, err = fmt.Fprintf(w.stdout, "%s      signs; keep it secret\n%s.pub  is for whoever is to believe what it signs\n", c.Out, c.Out)
	return err
}

type certifyCmd struct {
	subject `embed:""`
	Key     string `required:"" type:"existingfile" placeholder:"FILE" help:"Private key, as conform keygen writes it."`
	Out     string `required:"" type:"path" placeholder:"FILE" help:"Where to write the certificate."`
	Report  string `type:"path" placeholder:"DIR" help:"Also write the report there."`
}

// Run runs the whole suite and signs what it found, if that can be certified.
func (c *certifyCmd) Run(w *world) error {
	key, err := certificate.ReadPrivate(c.Key)
	if err != nil {
		return &usageError{err}
	}
	o, err := c.options(w)
	if err != nil {
		return err
	}
	p := &progress{out: w.stdout, quiet: true, terminal: w.terminal, stream: io.Discard}
	o.Planned, o.Progress = p.planned, p.result
	found, err := conformance.Run(w.ctx, o)
	if err = errors.Join(err, p.err); err != nil {
		return err
	}
	if c.Report != "" {
		if err := errors.Join(os.MkdirAll(c.Report+"/trace", 0o755), writeAll(c.Report, found)); err != nil {
			return err
		}
	}
	if err := found.Summary(w.stdout); err != nil {
		return err
	}
	claims, err := conformance.Claims(found)
	if err != nil {
		if w.exit = found.Exit(); w.exit == report.ExitConforms {
			w.exit = report.ExitRefused
		}
		_, err = fmt.Fprintf(w.stderr, "conform: no certificate: %v\n", err)
		return err
	}
	raw, err := certificate.Sign(claims, key)
	if err != nil {
		return &refusedError{err}
	}
	if err := os.WriteFile(c.Out, raw, 0o644); err != nil { //nolint:gosec // a certificate is to be read
		return err
	}
	_, err = fmt.Fprintf(w.stdout, "Certified: %s\n", c.Out)
	return err
}

type verifyCmd struct {
	Plugin string   `required:"" type:"existingfile" placeholder:"FILE" help:"The connector's binary."`
	Cert   string   `required:"" type:"existingfile" placeholder:"FILE" help:"Its certificate."`
	Key    []string `required:"" type:"existingfile" placeholder:"FILE" help:"Public key that is trusted. Repeatable."`
	Output string   `enum:"text,json" default:"text" help:"What to print: ${enum}."`
}

// Run says whether the certificate is for the binary, and what it says. It needs no
// network.
func (c *verifyCmd) Run(w *world) error {
	var keys []certificate.PublicKey
	for _, path := range c.Key {
		key, err := certificate.ReadPublic(path)
		if err != nil {
			return &usageError{err}
		}
		keys = append(keys, key)
	}
	binary, err := digestOf(c.Plugin)
	if err != nil {
		return err
	}
	raw, err := certificate.ReadFile(c.Cert)
	if err != nil {
		return &refusedError{err}
	}
	claims, err := certificate.Verify(raw, keys, binary, time.Now())
	if err != nil {
		return &refusedError{err}
	}
	if c.Output == "json" {
		return printJSON(w.stdout, claims)
	}
	var profiles []string
	for _, p := range claims.Profiles {
		profiles = append(profiles, fmt.Sprintf("%s@%d", p.Name, p.Version))
	}
	_, err = fmt.Fprintf(w.stdout, "%s %s is certified\n  profiles    %s\n  operations  %s\n  suite       %s %s, %d cases passed\n  evidence    %s\n  tested      %s\n",
		claims.Connector, claims.Version, strings.Join(profiles, ", "), joined(claims.Operations), claims.Suite.Name,
		claims.Suite.Version, len(claims.Tests.Passed), claims.Evidence, claims.TestedAt.Format(time.RFC3339))
	return err
}

func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func joined[T ~string](words []T) string {
	var all []string
	for _, word := range words {
		all = append(all, string(word))
	}
	return strings.Join(all, ", ")
}
