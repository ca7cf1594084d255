package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// A Certifier knows how installed releases stand with the host's policy.
type Certifier interface {
	// Certification judges an installed release, named by its whole digest, as it is now.
	Certification(digest string) certificate.Judgement
	// Certify puts a certificate beside an installed release. It counts from the next start.
	Certify(ctx context.Context, digest string, raw []byte) (certificate.Judgement, error)
}

// A Certification is how a release stands, without the list of all that was tested.
type Certification struct {
	Mode     certificate.Mode `json:"mode"`
	Admitted bool             `json:"admitted"`
	Summary  string           `json:"summary"` // for people
	// Findings are why it is refused, or would be if the host enforced.
	Findings []certificate.Finding `json:"findings"`
	// Withheld are the operations and features that it offers and may not be asked for; where
	// the host only warns, also those that enforcing would withhold.
	Withheld  []string  `json:"withheld,omitempty"`
	Signer    string    `json:"signer,omitempty"`
	SignerKey string    `json:"signer_key,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`

	// What the certificate says, if it can be believed.
	Profiles []string             `json:"profiles,omitempty"`
	Suite    string               `json:"suite,omitempty"`
	Evidence certificate.Evidence `json:"evidence,omitempty"`
	TestedAt time.Time            `json:"tested_at,omitzero"`
	Passed   int                  `json:"passed,omitempty"` // cases
	Warned   []string             `json:"warned,omitempty"` // cases that found a recommendation not followed
}

func certificationOf(j certificate.Judgement) Certification {
	c := Certification{
		Mode: j.Mode, Admitted: j.Admitted, Summary: j.Summary(), Findings: j.Findings, Withheld: j.Withheld,
		Signer: j.Signer, SignerKey: j.SignerKey, ExpiresAt: j.ExpiresAt,
	}
	if j.Claims == nil {
		return c
	}
	c.Suite, c.Evidence, c.TestedAt = j.Claims.Suite.Name+" "+j.Claims.Suite.Version, j.Claims.Evidence, j.Claims.TestedAt
	c.Passed, c.Warned = len(j.Claims.Tests.Passed), j.Claims.Tests.Warned
	for _, p := range j.Claims.Profiles {
		c.Profiles = append(c.Profiles, p.String())
	}
	return c
}

func (s *server) showCertification(r *http.Request) (any, error) {
	digest := r.PathValue("digest")
	for _, release := range s.Host.Releases() {
		if release.Digest == digest {
			return certificationOf(s.Host.Certification(digest)), nil
		}
	}
	return nil, &problem{http.StatusNotFound, fmt.Sprintf("there is no release %.64q here", digest)}
}

// certify takes a certificate as the request's body.
func (s *server) certify(r *http.Request) (any, error) {
	raw, err := readCertificate(r.Body)
	if err != nil {
		return nil, err
	}
	judged, err := s.Host.Certify(r.Context(), r.PathValue("digest"), raw)
	if err != nil {
		if _, refused := errors.AsType[*certificate.RefusedError](err); refused {
			err = &unfitError{err}
		}
		return nil, err
	}
	return certificationOf(judged), nil
}

func readCertificate(from io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(from, certificate.MaxSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("receiving the certificate: %w", err)
	case len(raw) == 0:
		return nil, &problem{http.StatusBadRequest, "the certificate is empty"}
	case len(raw) > certificate.MaxSize:
		return nil, &problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("the certificate has more than %d bytes", certificate.MaxSize)}
	}
	return raw, nil
}

// An upload is a binary and, if it came with one, its certificate.
type upload struct {
	certificate []byte
	binary      io.Reader
}

// uploadOf finds the binary in a request. Nothing of it has been read yet, which is why
// the certificate has to come first.
func uploadOf(r *http.Request) (upload, error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		return upload{binary: r.Body}, nil
	}
	parts, err := r.MultipartReader()
	if err != nil {
		return upload{}, &problem{http.StatusBadRequest, "the body cannot be read: " + err.Error()}
	}
	var u upload
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return upload{}, &problem{http.StatusBadRequest, `the body has no part "connector", which must be a connector's binary`}
		case err != nil:
			return upload{}, &problem{http.StatusBadRequest, "the body cannot be read: " + err.Error()}
		}
		if done, err := u.take(part); done || err != nil {
			return u, err
		}
	}
}

// take takes one part of a body, and reports whether it is the last one wanted.
func (u *upload) take(part *multipart.Part) (done bool, err error) {
	switch name := part.FormName(); {
	case name == "connector":
		u.binary = part
		return true, nil
	case name == "certificate" && u.certificate == nil:
		u.certificate, err = readCertificate(part)
		return false, err
	default:
		return false, &problem{http.StatusBadRequest, fmt.Sprintf(`part %.40q is unexpected, must be "certificate" and then "connector"`, name)}
	}
}

// A failure is what is shown of an error.
type failure struct {
	Error string `json:"error"` // for people
	Code  string `json:"code"`  // for programs
	// Reasons are what is wrong with the certificate of a release.
	Reasons []certificate.Reason `json:"reasons,omitempty"`
}

func failureOf(err error) failure {
	return failure{Error: err.Error(), Code: codeOf(err), Reasons: supervise.ReasonsOf(err)}
}
