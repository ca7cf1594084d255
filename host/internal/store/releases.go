package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
)

// A Release is a connector's program that hosts share.
type Release struct {
	Digest  string // SHA-256 of the program, in hex
	Name    string
	Version string
	Size    int64 // of the program, in bytes
	Removed bool  // it is not to be used any more, and its program is gone
	// CertificateDigest is the SHA-256 of its certificate, in hex; empty without one.
	CertificateDigest string
	Host              string // who changed it last
	ChangedAt         time.Time
}

// chunkSize is how much of a program goes in one row, and one transaction. It may never
// change: hosts that keep the same program at once keep the same rows.
const chunkSize = 1 << 20

// SaveRelease keeps a program and its certificate, which may be nil: whole, or not at
// all for everybody who reads. What a host that died left behind is used or, after a
// day, swept away. The program is read until its end and must have the digest.
func (s *Store) SaveRelease(ctx context.Context, r Release, certificate []byte, program io.Reader) error {
	if err := s.saveRelease(ctx, r, certificate, program); err != nil {
		return fmt.Errorf("release %.12s: %w", r.Digest, err)
	}
	return nil
}

func (s *Store) saveRelease(ctx context.Context, r Release, certificate []byte, program io.Reader) error {
	hash := sha256.New()
	chunk := make([]byte, chunkSize)
	r.Size = 0
	chunks := int64(0)
	for end := false; !end; {
		n, err := io.ReadFull(program, chunk)
		if end = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); err != nil && !end {
			return err
		}
		if n == 0 {
			break
		}
		_, _ = hash.Write(chunk[:n]) // never fails
		err = s.write(ctx, func(c *changes) {
			c.add(`INSERT INTO release_chunks (digest, position, bytes, added_at) VALUES (?,?,?,?)
				ON CONFLICT (digest, position) DO UPDATE SET bytes = excluded.bytes, added_at = excluded.added_at`,
				r.Digest, chunks, chunk[:n:n], at(s.now()))
		})
		if err != nil {
			return err
		}
		r.Size += int64(n)
		chunks++
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != r.Digest {
		return fmt.Errorf("its SHA-256 is %s", got)
	}
	return s.write(ctx, func(c *changes) {
		c.add(`INSERT INTO releases (digest, name, version, size, removed, certificate, certificate_digest, host, changed_at)
			VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (digest) DO UPDATE SET removed = 0, certificate = excluded.certificate,
			certificate_digest = excluded.certificate_digest, host = excluded.host, changed_at = excluded.changed_at`,
			r.Digest, r.Name, r.Version, r.Size, bit(false), blob(certificate), digestOf(certificate), r.Host, at(ledger.Kept(s.now())))
		c.must(ErrConflict, `UPDATE releases SET size = ? WHERE digest = ?
			AND (SELECT count(*) FROM release_chunks WHERE digest = ?) = ?`, r.Size, r.Digest, r.Digest, chunks)
	})
}

func digestOf(certificate []byte) string {
	if certificate == nil {
		return ""
	}
	sum := sha256.Sum256(certificate)
	return hex.EncodeToString(sum[:])
}

// Releases lists the releases that hosts share, those that were removed included, by
// name and digest.
func (s *Store) Releases(ctx context.Context) (list []Release, err error) {
	err = s.db.ask(ctx, question{
		query: `SELECT digest, name, version, size, removed, certificate_digest, host, changed_at
			FROM releases ORDER BY name, digest`,
		scan: func(r row) error {
			var is Release
			var removed int64
			var changed micros
			err := r.Scan(&is.Digest, &is.Name, &is.Version, &is.Size, &removed, &is.CertificateDigest, &is.Host, &changed)
			is.Removed, is.ChangedAt = removed != 0, changed.time()
			list = append(list, is)
			return err
		},
	})
	return list, err
}

// ReadRelease writes a program to w, or as much of it as there is before an error. It
// does not compare it with its digest. A program that is not there is [ErrNotFound].
func (s *Store) ReadRelease(ctx context.Context, digest string, w io.Writer) error {
	for position, left := int64(0), int64(-1); left != 0; position++ {
		var chunk []byte
		part := question{
			query: `SELECT bytes FROM release_chunks WHERE digest = ? AND position = ?`, args: []any{digest, position}, must: true,
			scan: func(r row) error { return r.Scan(&chunk) },
		}
		questions := []question{part}
		if left < 0 {
			questions = []question{{
				query: `SELECT size FROM releases WHERE digest = ? AND removed = 0`, args: []any{digest}, must: true,
				scan: func(r row) error { return r.Scan(&left) },
			}, part}
		}
		if err := s.db.ask(ctx, questions...); err != nil {
			return fmt.Errorf("release %.12s: part %d: %w", digest, position, err)
		}
		if _, err := w.Write(chunk); err != nil {
			return err
		}
		if left -= min(left, int64(len(chunk))); len(chunk) < chunkSize && left > 0 {
			return fmt.Errorf("release %.12s: %d bytes of it are missing", digest, left)
		}
	}
	return nil
}

// Certificate returns the certificate of a release that hosts share, nil if it has none.
func (s *Store) Certificate(ctx context.Context, digest string) (raw []byte, err error) {
	err = s.db.ask(ctx, question{
		query: `SELECT certificate FROM releases WHERE digest = ? AND removed = 0`, args: []any{digest}, must: true,
		scan: func(r row) error { return r.Scan(&raw) },
	})
	if err != nil {
		return nil, fmt.Errorf("certificate of release %.12s: %w", digest, err)
	}
	return raw, nil
}

// SaveCertificate exchanges the certificate of a release that hosts share.
func (s *Store) SaveCertificate(ctx context.Context, digest, host string, raw []byte) error {
	err := s.write(ctx, func(c *changes) {
		c.must(ErrNotFound, `UPDATE releases SET certificate = ?, certificate_digest = ?, host = ?, changed_at = ?
			WHERE digest = ? AND removed = 0`, blob(raw), digestOf(raw), host, at(ledger.Kept(s.now())), digest)
	})
	if err != nil {
		return fmt.Errorf("certificate of release %.12s: %w", digest, err)
	}
	return nil
}

// RemoveRelease deletes a program that hosts share, and lets them know. One that is to
// serve is not removed: [ErrConflict]. One that is not there is [ErrNotFound].
func (s *Store) RemoveRelease(ctx context.Context, digest, host string) error {
	err := s.write(ctx, func(c *changes) {
		// The first statement waits for a decision that is being made, so that the second
		// sees it.
		c.must(ErrNotFound, `UPDATE releases SET host = ?, changed_at = ? WHERE digest = ? AND removed = 0`,
			host, at(ledger.Kept(s.now())), digest)
		c.must(ErrConflict, `UPDATE releases SET removed = 1, certificate = NULL, certificate_digest = ''
			WHERE digest = ? AND NOT EXISTS (SELECT 1 FROM desired WHERE desired.digest = releases.digest)`, digest)
		c.add(`DELETE FROM release_chunks WHERE digest = ?`, digest)
	})
	if err != nil {
		return fmt.Errorf("removing release %.12s: %w", digest, err)
	}
	return nil
}

// SweepReleases deletes the parts of programs whose keeping was begun before then and
// never came to its end.
func (s *Store) SweepReleases(ctx context.Context, before time.Time) error {
	err := s.write(ctx, func(c *changes) {
		c.add(`DELETE FROM release_chunks WHERE added_at < ? AND digest NOT IN (SELECT digest FROM releases WHERE removed = 0)`, at(before))
	})
	if err != nil {
		return fmt.Errorf("sweeping releases: %w", err)
	}
	return nil
}
