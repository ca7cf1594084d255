package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/store"
)

// A depot is where hosts that share a database leave releases for each other. The nil
// depot is that of a host which is alone: its own files are all that it needs, and its
// database stays small.
//
// Nothing that comes from a depot is trusted: its bytes must have the digest that was
// asked for, and its certificate is judged by the policy of the host that fetches it.
type depot struct {
	store *store.Store
	host  string // id of this one
	dir   string // of unfinished downloads; what is left in it is removed at the next start
}

// put leaves an installed release for the others.
func (d *depot) put(ctx context.Context, r fleet.Release, certificate []byte) (err error) {
	if d == nil {
		return nil
	}
	there, err := d.find(ctx, r.Digest)
	if err == nil && !there.Removed {
		if certificate == nil || there.CertificateDigest == sumOf(certificate) {
			return nil
		}
		return d.store.SaveCertificate(ctx, r.Digest, d.host, certificate)
	}
	if err != nil && !errors.Is(err, fleet.ErrNotInstalled) {
		return err
	}
	file, err := os.Open(r.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	err = d.store.SaveRelease(ctx, store.Release{Digest: r.Digest, Name: r.Name, Version: r.Version, Host: d.host}, certificate, file)
	if err != nil {
		return fmt.Errorf("%s is installed here, but other hosts cannot have it: %w; install it again", r, err)
	}
	return nil
}

// list returns what lies in the depot, and what lay there and was removed.
func (d *depot) list(ctx context.Context) ([]store.Release, error) {
	if d == nil {
		return nil, nil
	}
	return d.store.Releases(ctx)
}

// find returns one of them.
func (d *depot) find(ctx context.Context, digest string) (store.Release, error) {
	all, err := d.list(ctx)
	if err != nil {
		return store.Release{}, err
	}
	for _, r := range all {
		if r.Digest == digest {
			return r, nil
		}
	}
	return store.Release{}, fmt.Errorf("release %.12s is %w", digest, fleet.ErrNotInstalled)
}

// fetch installs a release that lies in the depot.
func (d *depot) fetch(ctx context.Context, digest string, into *fleet.Fleet, judge fleet.Judge) (_ fleet.Release, err error) {
	if d == nil {
		return fleet.Release{}, fmt.Errorf("release %.12s is %w", digest, fleet.ErrNotInstalled)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("fetching release %.12s from the other hosts: %w", digest, err)
		}
	}()
	certificate, err := d.store.Certificate(ctx, digest)
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("it is %w there", fleet.ErrNotInstalled)
	}
	if err != nil {
		return fleet.Release{}, err
	}
	file, err := os.CreateTemp(d.dir, fleet.Unfinished+"*")
	if err != nil {
		return fleet.Release{}, err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	hash := sha256.New()
	err = d.store.ReadRelease(ctx, digest, io.MultiWriter(file, hash))
	if err := errors.Join(err, file.Chmod(0o700), file.Close()); err != nil {
		return fleet.Release{}, err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != digest {
		return fleet.Release{}, fmt.Errorf("it is %w: the SHA-256 of what came is %s", fleet.ErrDamaged, got)
	}
	return into.InstallCertified(ctx, file.Name(), certificate, judge)
}

// certify exchanges a certificate for all hosts.
func (d *depot) certify(ctx context.Context, digest string, raw []byte) error {
	if d == nil {
		return nil
	}
	if err := d.store.SaveCertificate(ctx, digest, d.host, raw); !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil // it lies here alone
}

// remove takes a release away from all hosts. Those that run it finish with it first.
func (d *depot) remove(ctx context.Context, digest string) error {
	if d == nil {
		return nil
	}
	err := d.store.RemoveRelease(ctx, digest, d.host)
	switch {
	case errors.Is(err, store.ErrNotFound): // it lay here alone
		return nil
	case errors.Is(err, store.ErrConflict):
		return fmt.Errorf("release %.12s is %w: it is what is to serve", digest, fleet.ErrInUse)
	}
	return err
}

func sumOf(certificate []byte) string {
	if certificate == nil {
		return ""
	}
	sum := sha256.Sum256(certificate)
	return hex.EncodeToString(sum[:])
}
