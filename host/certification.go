package host

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// journalBound is how long the record of an admission may take.
const journalBound = 5 * time.Second

// judge is what the host's policy makes of a program and its certificate.
func (c *connectors) judge(digest string, described *sdk.Description, raw []byte) certificate.Judgement {
	return c.config.Connectors.Certification.Judge(certificate.Subject{Binary: digest, Description: described}, raw, c.config.Now())
}

// certificate reads what lies beside a release. One that cannot be read is one that says
// nothing, which is not the same as none.
func (c *connectors) certificate(digest string) []byte {
	if attached(digest) {
		return nil
	}
	raw, err := c.fleet.Certificate(digest)
	if err != nil {
		c.config.Slog.Error("a certificate cannot be read", "release", digest, "error", err)
		return []byte{}
	}
	return raw
}

// objection judges what is being installed.
func (c *connectors) objection(digest string, described *sdk.Description, raw []byte) error {
	return c.judge(digest, described, raw).Err()
}

// reconsider forgets as what a release would serve.
func (c *connectors) reconsider(digest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.gates, digest)
}

// admit decides at every start, with the certificate as it is now, whether a release may
// serve, and as what. The gate is that of what is left to it.
func (c *connectors) admit(r fleet.Release, described sdk.Description) (supervise.Admission, error) {
	j := c.judge(r.Digest, &described, c.certificate(r.Digest))
	if err := j.Err(); err != nil {
		return supervise.Admission{}, err
	}
	gate, err := gatekeep.New(j.Effective)
	if err != nil {
		return supervise.Admission{}, err
	}
	if err := c.recordAdmission(r, j); err != nil {
		return supervise.Admission{}, err
	}
	return supervise.Admission{Description: j.Effective, Gate: gate}, nil
}

// An admission is what the history of a connector has of a judgement. Of one that is
// refused it has that it was rejected, and why.
type admission struct {
	At        time.Time            `json:"at"`
	To        string               `json:"to"`
	Connector string               `json:"connector"`
	Version   string               `json:"version"`
	Digest    string               `json:"digest"`
	Cause     string               `json:"cause"`
	Reasons   []certificate.Reason `json:"reasons,omitempty"` // why enforcing would refuse it
	Withheld  []string             `json:"withheld,omitempty"`
	SignerKey string               `json:"signer_key,omitempty"`
}

func (c *connectors) recordAdmission(r fleet.Release, j certificate.Judgement) error {
	if j.Mode == certificate.Off {
		return nil
	}
	log, to := c.config.Slog.Info, "certified"
	if len(j.Findings) > 0 {
		log, to = c.config.Slog.Warn, "uncertified"
	}
	log("connector "+to, "connector", r.Name, "version", r.Version, "cause", j.Summary(), "withheld", j.Withheld)
	at := c.config.Now()
	story, err := json.Marshal(admission{
		At: at, To: to, Connector: r.Name, Version: r.Version, Digest: r.Digest, Cause: j.Summary(),
		Reasons: j.Reasons(), Withheld: j.Withheld, SignerKey: j.SignerKey,
	})
	if err != nil {
		return fmt.Errorf("encoding a journal entry: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), journalBound)
	defer cancel()
	err = c.store.AppendJournal(ctx, store.JournalEntry{Connector: r.Name, At: at, Name: to, Context: story, Host: c.host})
	if err != nil {
		return fmt.Errorf("recording an admission: %w", err)
	}
	return nil
}

// Certification is how an installed release stands now: its certificate is read and
// judged again. A process that runs was judged when it was started.
func (h *Host) Certification(digest string) certificate.Judgement {
	for _, r := range h.fleet.List() {
		if r.Digest == digest {
			return h.connectors.judge(digest, &r.Description, h.connectors.certificate(digest))
		}
	}
	return h.connectors.judge(digest, nil, nil)
}

// Certify puts a certificate beside an installed release, named by its whole digest. It
// counts from the next start of the release, on every host. One that the policy of this
// host refuses is not taken.
func (h *Host) Certify(ctx context.Context, digest string, raw []byte) (certificate.Judgement, error) {
	if err := h.fleet.Certify(ctx, digest, raw, h.connectors.objection); err != nil {
		return certificate.Judgement{}, err
	}
	h.connectors.reconsider(digest)
	return h.Certification(digest), h.depot.certify(ctx, digest, raw)
}
