package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"text/tabwriter"
	"time"

	"github.com/connectorhost/connectorhost/host"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// certification is the settings of what certificates of connectors must say.
type certification struct {
	Certification         certificate.Mode     `help:"What certificates are for: ${enum}. enforce: a connector does not serve without. warn: it serves, and what is wrong is told." enum:"off,warn,enforce" default:"${certification}"`
	CertificationKey      []string             `help:"Public key of one who certifies, as conform keygen makes it. Repeatable." placeholder:"FILE" type:"existingfile"`
	CertificationProfile  []string             `help:"Profile that must have been passed, such as refunds@1: that version or a later one. Repeatable." placeholder:"NAME@N"`
	CertificationMinSuite string               `help:"Oldest version of the suite that counts." placeholder:"VERSION"`
	CertificationMaxAge   time.Duration        `help:"How long after its test a connector may be started. 0: for ever." default:"0"`
	CertificationEvidence certificate.Evidence `help:"Weakest evidence that counts: ${enum}." enum:"simulated,recorded,sandbox" default:"simulated"`
	CertificationRevoked  []string             `help:"SHA-256 of a connector's binary, or of a certificate, that does not count any more. Repeatable." placeholder:"DIGEST"`
	Allow                 []sdk.Operation      `help:"Operations that connectors may be asked for. Default: all that they offer." placeholder:"NAME,…"`
}

// config reads the keys.
func (c certification) config() (certificate.Policy, error) {
	p := certificate.Policy{
		Mode: c.Certification, MinSuite: c.CertificationMinSuite, MaxAge: c.CertificationMaxAge, Evidence: c.CertificationEvidence,
		RequireProfiles: c.CertificationProfile, Revoked: c.CertificationRevoked, Allow: c.Allow,
	}
	for _, file := range c.CertificationKey {
		key, err := certificate.ReadPublic(file)
		if err != nil {
			return certificate.Policy{}, fmt.Errorf("certification-key: %w", err)
		}
		p.Keys = append(p.Keys, key)
	}
	return p, nil
}

// certificateOf reads the certificate of a binary: what was named, or else the file
// beside it that is called as it is, with ".cert". Nil if there is none.
func certificateOf(binary, named string) ([]byte, error) {
	if named != "" {
		return certificate.ReadFile(named)
	}
	raw, err := certificate.ReadFile(binary + ".cert")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// ensure makes a connector serve, with the certificate beside its binary.
func ensure(ctx context.Context, h *host.Host, file string) error {
	cert, err := certificateOf(file, "")
	if err != nil {
		return err
	}
	return h.EnsureConnector(ctx, file, cert)
}

type connectorsCertifyCmd struct {
	Digest      string `arg:"" help:"Digest of an installed release, or the beginning of one."`
	Certificate string `arg:"" help:"Its certificate, as conform certify makes it." type:"existingfile"`
}

// Run sends the certificate.
func (c *connectorsCertifyCmd) Run(w *world, o *operator) error {
	digest, err := wholeDigest(w, o, c.Digest)
	if err != nil {
		return err
	}
	file, err := os.Open(c.Certificate)
	if err != nil {
		return err
	}
	defer file.Close()
	raw, err := o.ask(w.ctx, http.MethodPut, "/v1/releases/"+segment(digest)+"/certificate", file)
	if err != nil {
		return err
	}
	return o.print(w, raw, func(t *tabwriter.Writer, answer map[string]any) {
		printCertification(t, map[string]any{"certification": answer})
		fmt.Fprintln(t, "counts\tfrom the next start: connectors restart")
	})
}

// printCertification prints how a release stands, and a line for each thing that is
// wrong.
func printCertification(t *tabwriter.Writer, answer map[string]any) {
	c, _ := answer["certification"].(map[string]any)
	if c == nil {
		return
	}
	fmt.Fprintf(t, "certification\t%s\n", cell(at(c, "summary")))
	if mode := cell(at(c, "mode")); mode != "" {
		fmt.Fprintf(t, "policy\t%s\n", mode)
	}
	for _, name := range []string{"signer", "suite", "tested_at", "expires_at"} {
		if value := cell(at(c, name)); value != "" {
			fmt.Fprintf(t, "  %s\t%s\n", name, value)
		}
	}
	if withheld, _ := at(c, "withheld").([]any); len(withheld) > 0 {
		fmt.Fprintf(t, "withheld\t%s\n", cell(withheld))
	}
}

// certified says how the connector stands, for people.
func (d *dev) certified() string {
	for _, c := range d.host.Connectors() {
		if c.Connector == d.connector {
			return d.host.Certification(c.Digest).Summary()
		}
	}
	return "not judged"
}
