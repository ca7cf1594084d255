package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
)

func keepsHosts(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	first := Host{ID: "a", API: "http://a", Admin: "http://a:1", Version: "v1", StartedAt: ledger.Kept(c.now()),
		SeenAt: ledger.Kept(c.now()), Serves: json.RawMessage(`[{"connector":"x"}]`)}
	second := first
	second.ID, second.StartedAt = "b", ledger.Kept(c.advance(time.Second))
	second.SeenAt = second.StartedAt
	for _, h := range []Host{first, second, first} {
		if err := s.SaveHost(t.Context(), h); err != nil {
			t.Fatal(err)
		}
	}
	hosts, err := s.Hosts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "hosts", hosts, []Host{first, second})
	if err := s.ForgetHosts(t.Context(), second.SeenAt); err != nil {
		t.Fatal(err)
	}
	if hosts, err = s.Hosts(t.Context()); err != nil || len(hosts) != 1 || hosts[0].ID != "b" {
		t.Errorf("hosts are %v, %v, want b alone", hosts, err)
	}
}

func letsOneDecisionWin(t *testing.T, open opener) {
	s := open(t, newClock().now)
	step := func(host string) JournalEntry { return JournalEntry{Connector: "x", Name: "serving", Host: host} }
	first, err := s.Decide(t.Context(), step("a"), Desired{}, Desired{Digest: "d1", Version: "1"}, false)
	if err != nil || first.Revision != 1 {
		t.Fatalf("first decision: %+v, %v, want revision 1", first, err)
	}
	var mu sync.Mutex
	var won []Desired
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			d, err := s.Decide(t.Context(), step("b"), first, Desired{Digest: strings.Repeat("e", i+1)}, false)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won = append(won, d)
			case !errors.Is(err, ErrConflict):
				t.Errorf("error = %v, want ErrConflict", err)
			}
		})
	}
	wg.Wait()
	if _, err := s.Decide(t.Context(), step("c"), Desired{}, Desired{Digest: "d9"}, false); !errors.Is(err, ErrConflict) {
		t.Errorf("error = %v for a first decision that came second, want ErrConflict", err)
	}
	list, err := s.Desired(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "desired", list, won)
	if len(won) != 1 || won[0].Revision != 2 || won[0].Host != "b" {
		t.Errorf("decisions are %+v, want one, with revision 2", won)
	}
	entries, err := s.Decisions(t.Context(), "x", 10)
	if err != nil || len(entries) != 2 || entries[0].Revision != 2 || entries[1].Revision != 1 {
		t.Errorf("steps are %+v, %v, want one a decision", entries, err)
	}
}

// program is a program and its digest.
func program(size int) ([]byte, string) {
	raw := bytes.Repeat([]byte("program "), size/8+1)[:size]
	sum := sha256.Sum256(raw)
	return raw, hex.EncodeToString(sum[:])
}

func keepsReleases(t *testing.T, open opener) {
	s := open(t, newClock().now)
	for name, size := range map[string]int{
		"small": 10, "one part": chunkSize, "two parts": 2 * chunkSize, "two parts and some": 2*chunkSize + 7,
	} {
		raw, digest := program(size)
		if err := s.SaveRelease(t.Context(), Release{Digest: digest, Name: name, Version: "1.0.0", Host: "a"}, nil, bytes.NewReader(raw)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got bytes.Buffer
		if err := s.ReadRelease(t.Context(), digest, &got); err != nil || !bytes.Equal(got.Bytes(), raw) {
			t.Errorf("%s: %d bytes, %v, want %d", name, got.Len(), err, size)
		}
	}
	raw, digest := program(10)
	if err := s.SaveCertificate(t.Context(), digest, "b", []byte("cert")); err != nil {
		t.Fatal(err)
	}
	cert, err := s.Certificate(t.Context(), digest)
	if err != nil || string(cert) != "cert" {
		t.Errorf("certificate is %q, %v", cert, err)
	}
	list, err := s.Releases(t.Context())
	if err != nil || len(list) != 4 || list[1].Name != "small" || list[1].CertificateDigest != digestOf(cert) || list[1].Host != "b" {
		t.Errorf("releases are %+v, %v", list, err)
	}
	_, other := program(11)
	if err := s.SaveRelease(t.Context(), Release{Digest: other}, nil, bytes.NewReader(raw)); err == nil {
		t.Error("a program was kept under the digest of another")
	}
	if err := s.ReadRelease(t.Context(), other, &bytes.Buffer{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("error = %v for what was never kept, want ErrNotFound", err)
	}
}

func removesReleases(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	raw, digest := program(10)
	save := func() {
		t.Helper()
		if err := s.SaveRelease(t.Context(), Release{Digest: digest, Name: "x"}, []byte("cert"), bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
	}
	save()
	is := Desired{Digest: digest}
	step := JournalEntry{Connector: "x", Host: "a", Name: "serving"}
	is, err := s.Decide(t.Context(), step, Desired{}, is, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveRelease(t.Context(), digest, "a"); !errors.Is(err, ErrConflict) {
		t.Errorf("error = %v for what is to serve, want ErrConflict", err)
	}
	if is, err = s.Decide(t.Context(), step, is, Desired{Digest: "other"}, false); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveRelease(t.Context(), digest, "a"); err != nil {
		t.Fatal(err)
	}
	if err := s.RemoveRelease(t.Context(), digest, "a"); !errors.Is(err, ErrNotFound) {
		t.Errorf("error = %v for what is gone, want ErrNotFound", err)
	}
	if err := s.ReadRelease(t.Context(), digest, &bytes.Buffer{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("error = %v for what is gone, want ErrNotFound", err)
	}
	if _, err := s.Decide(t.Context(), step, is, Desired{Digest: digest}, true); !errors.Is(err, ErrNotFound) {
		t.Errorf("error = %v for a decision on what is gone, want ErrNotFound", err)
	}
	save()
	if err := s.SweepReleases(t.Context(), c.advance(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.ReadRelease(t.Context(), digest, &bytes.Buffer{}); err != nil {
		t.Errorf("what was kept again was swept: %v", err)
	}
}

func replacesFacts(t *testing.T, open opener) {
	s := open(t, newClock().now)
	for _, step := range []struct {
		was, value string
		conflict   bool
	}{{"", "1", false}, {"", "2", true}, {"2", "3", true}, {"1", "2", false}} {
		if err := s.ReplaceMeta(t.Context(), "fact", step.was, step.value); errors.Is(err, ErrConflict) != step.conflict || (err != nil) != step.conflict {
			t.Errorf("%q instead of %q: error = %v, want a conflict: %t", step.value, step.was, err, step.conflict)
		}
	}
	if value, err := s.Meta(t.Context(), "fact"); err != nil || value != "2" {
		t.Errorf("fact is %q, %v, want 2", value, err)
	}
}
