package certificate_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// What was signed is what is read, in the one order.
func TestSignedClaimsAreRead(t *testing.T) {
	key, signed := newKey(t), claims(t)
	got, err := certificate.Verify(sign(t, signed, key), []certificate.PublicKey{newKey(t).Public(), key.Public()}, signed.Binary, now)
	if err != nil {
		t.Fatal(err)
	}
	want := claims(t)
	slices.SortFunc(want.Profiles, func(a, b certificate.Profile) int { return strings.Compare(a.Name, b.Name) })
	want.Declared, want.Operations = slices.Sorted(slices.Values(want.Declared)), slices.Sorted(slices.Values(want.Operations))
	want.Tests.Passed = []string{"a/1", "b/2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-signed +read):\n%s", diff)
	}
}

func TestSameClaimsAreSameBytes(t *testing.T) {
	key := newKey(t)
	c := claims(t)
	one := sign(t, c, key)
	slices.Reverse(c.Profiles)
	slices.Reverse(c.Declared)
	slices.Reverse(c.Tests.Passed)
	c.TestedAt = c.TestedAt.Add(time.Millisecond).In(time.FixedZone("JST", 9*60*60))
	for range 20 { // the encoder of protobuf varies its spaces from process to process and call to call
		if two := sign(t, c, key); !bytes.Equal(one, two) {
			t.Fatalf("the same claims are\n%s and\n%s", one, two)
		}
	}
	if !slices.IsSorted(claims(t).Tests.Warned) || c.Profiles[0].Name != "core" {
		t.Error("signing changed what it was given")
	}
}

// The file is what other readers of in-toto statements look for.
func TestStatementIsInToto(t *testing.T) {
	var envelope struct {
		PayloadType, Payload string
		Signatures           []struct{ KeyID, Sig string }
	}
	key := newKey(t)
	if err := json.Unmarshal(sign(t, claims(t), key), &envelope); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.Public().MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := base64.StdEncoding.DecodeString(envelope.Signatures[0].Sig)
	signed := fmt.Sprintf("DSSEv1 28 application/vnd.in-toto+json %d %s", len(payload), payload)
	if err != nil || !ed25519.Verify(public.(ed25519.PublicKey), []byte(signed), sig) {
		t.Errorf("what was signed is not the pre-authentication encoding of DSSE")
	}
	var statement map[string]any
	if err := json.Unmarshal(payload, &statement); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"_type":         "https://in-toto.io/Statement/v1",
		"predicateType": "https://in-toto.io/attestation/test-result/v0.1",
		"subject": []any{map[string]any{
			"name": "acme-pay", "digest": map[string]any{"sha256": digest("binary")},
			"annotations": statement["subject"].([]any)[0].(map[string]any)["annotations"],
		}},
		"predicate": statement["predicate"],
	}
	if diff := cmp.Diff(want, statement); diff != "" || envelope.PayloadType != "application/vnd.in-toto+json" {
		t.Errorf("payload type %q, statement (-want +got):\n%s", envelope.PayloadType, diff)
	}
	predicate := statement["predicate"].(map[string]any)
	if predicate["result"] != "WARNED" || predicate["failedTests"] != nil {
		t.Errorf("result %v, failed tests %v", predicate["result"], predicate["failedTests"])
	}
}

func TestSignRefusesWhatDoesNotCertify(t *testing.T) {
	tests := map[string]struct {
		change func(*certificate.Claims)
		says   string
	}{
		"a failed case":              {func(c *certificate.Claims) { c.Tests.Failed = []string{"x/1"} }, `1 cases are failed: ["x/1"]`},
		"a case that was not tested": {func(c *certificate.Claims) { c.Tests.NotTestable = []string{"x/1"} }, "not testable"},
		"a flaky case":               {func(c *certificate.Claims) { c.Tests.Flaky = []string{"x/1"} }, "flaky"},
		"a blocked case":             {func(c *certificate.Claims) { c.Tests.Blocked = []string{"x/1"} }, "blocked"},
		"an error of the suite":      {func(c *certificate.Claims) { c.Tests.Errors = []string{"x/1"} }, "error"},
		"a known failure":            {func(c *certificate.Claims) { c.Tests.KnownFailures = []string{"x/1"} }, "known to fail"},
		"a filtered run":             {func(c *certificate.Claims) { c.Tests.Filtered = true }, "filtered"},
		"nothing passed":             {func(c *certificate.Claims) { c.Tests.Passed = nil }, "no case passed"},
		"a case that passed twice":   {func(c *certificate.Claims) { c.Tests.Passed = []string{"c/3"} }, "twice"},
		"a case with a line break":   {func(c *certificate.Claims) { c.Tests.Passed = []string{"a\nb"} }, "printable"},
		"too many cases":             {func(c *certificate.Claims) { c.Tests.Passed = make([]string, 10_001) }, "at most 10000"},
		"no profile":                 {func(c *certificate.Claims) { c.Profiles = nil }, "no profile"},
		"a profile twice":            {func(c *certificate.Claims) { c.Profiles[1] = c.Profiles[0] }, "twice"},
		"a profile without digest":   {func(c *certificate.Claims) { c.Profiles[0].Digest = "" }, "digest of profile refunds@1"},
		"a profile without version":  {func(c *certificate.Claims) { c.Profiles[0].Version = 0 }, "version of profile"},
		"no evidence":                {func(c *certificate.Claims) { c.Evidence = "" }, "evidence"},
		"an unknown evidence":        {func(c *certificate.Claims) { c.Evidence = "hearsay" }, "hearsay"},
		"no binary":                  {func(c *certificate.Claims) { c.Binary = "" }, "binary"},
		"a digest in capitals":       {func(c *certificate.Claims) { c.Report = strings.Repeat("A", 64) }, "report"},
		"no fixtures":                {func(c *certificate.Claims) { c.Fixtures = "" }, "fixtures"},
		"no manifest":                {func(c *certificate.Claims) { c.Manifest = "" }, "manifest"},
		"no time":                    {func(c *certificate.Claims) { c.TestedAt = time.Time{} }, "time"},
		"no system":                  {func(c *certificate.Claims) { c.OS = "" }, "os is"},
		"no suite":                   {func(c *certificate.Claims) { c.Suite = certificate.Suite{} }, "suite version"},
		"a suite of no version":      {func(c *certificate.Claims) { c.Suite.Version = "v1" }, "semantic version"},
		"no operations":              {func(c *certificate.Claims) { c.Declared, c.Operations = nil, nil }, "declared operations are missing"},
		"certified beyond declared":  {func(c *certificate.Claims) { c.Operations = sdk.Operations{sdk.OpVoid} }, "was not declared"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := claims(t)
			tt.change(&c)
			raw, err := certificate.Sign(c, newKey(t))
			if !errors.Is(err, certificate.ErrNotCertifiable) || raw != nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Sign = %q, %v, want an error that says %q", raw, err, tt.says)
			}
		})
	}
	if _, err := certificate.Sign(claims(t), certificate.PrivateKey{}); err == nil {
		t.Error("signed without a key")
	}
}

// A reader who knows no extension must come to no better an opinion: trust is lowered by
// failed tests, whoever signed.
func TestVerifySaysWhatIsWrong(t *testing.T) {
	key := newKey(t)
	keys := []certificate.PublicKey{{}, key.Public()}
	binary := digest("binary")
	statement := func(change ...string) []byte { return resign(t, sign(t, claims(t), key), key, change...) }
	tests := map[string]struct {
		raw  []byte
		want certificate.Reason
	}{
		"nothing":                       {nil, certificate.Malformed},
		"not JSON":                      {[]byte("x"), certificate.Malformed},
		"null":                          {[]byte("null"), certificate.Malformed},
		"much too large":                {bytes.Repeat([]byte("x"), 100<<20), certificate.Malformed},
		"a byte too large":              {bytes.Repeat([]byte(" "), certificate.MaxSize+1), certificate.Malformed},
		"laid out otherwise":            {append([]byte(" "), sign(t, claims(t), key)...), certificate.Malformed},
		"a foreign key":                 {sign(t, claims(t), newKey(t)), certificate.UnknownKey},
		"another program":               {statement(digest("binary"), digest("other")), certificate.DigestMismatch},
		"failed tests":                  {statement(`"passedTests":[`, `"failedTests":["x/1"],"passedTests":[`), certificate.NotPassed},
		"a failed result":               {statement(`"result":"WARNED"`, `"result":"FAILED"`), certificate.NotPassed},
		"no result":                     {statement(`"result":"WARNED"`, `"result":""`), certificate.NotPassed},
		"another kind of predicate":     {statement("test-result/v0.1", "test-result/v9.9"), certificate.Malformed},
		"another kind of statement":     {statement("in-toto.io/Statement/v1", "in-toto.io/Statement/v0.1"), certificate.Malformed},
		"a profile without a version":   {statement("profile/core@2", "profile/core"), certificate.Malformed},
		"a descriptor twice":            {statement(`"configuration":[`, `"configuration":[{"name":"weather"},{"name":"weather"},`), certificate.Malformed},
		"large, and signed":             {statement(`"result":`, `"novelty":"`+strings.Repeat("x", certificate.MaxSize)+`","result":`), certificate.Malformed},
		"two signatures":                {twice(sign(t, claims(t), key)), certificate.Malformed},
		"a key of nothing":              {bytes.Replace(sign(t, claims(t), key), []byte(key.Public().ID()), []byte(certificate.PublicKey{}.ID()), 1), certificate.UnknownKey},
		"no fixtures":                   {statement(`"name":"fixtures"`, `"name":"mixtures"`), certificate.Malformed},
		"no time":                       {statement("testedAt", "askedAt"), certificate.Malformed},
		"a field twice":                 {statement(`"result":"WARNED"`, `"result":"WARNED","result":"WARNED"`), certificate.Malformed},
		"an unknown evidence":           {statement(`"recorded"`, `"hearsay"`), certificate.Malformed},
		"from the future":               {statement("2026-03-01T", "2027-03-01T"), certificate.NotYet},
		"with a field that is new":      {statement(`"result":"WARNED"`, `"result":"WARNED","novelty":1`), ""},
		"with a descriptor that is new": {statement(`"configuration":[`, `"configuration":[{"name":"weather"},`), ""},
		"as it was signed":              {statement(), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := certificate.Verify(tt.raw, keys, binary, now)
			if got := certificate.ReasonOf(err); got != tt.want || (err == nil) != (tt.want == "") {
				t.Errorf("Verify: reason %q, error %v, want %q", got, err, tt.want)
			}
			if err != nil && !cmp.Equal(c, certificate.Claims{}) {
				t.Errorf("claims were handed out with an error: %+v", c)
			}
		})
	}
}

// twice doubles the signature of an envelope.
func twice(raw []byte) []byte {
	text := string(raw)
	at := strings.Index(text, `"signatures":[`) + len(`"signatures":[`)
	end := strings.LastIndex(text, "]}")
	return []byte(text[:end] + "," + text[at:end] + text[end:])
}

// resign changes the text of a statement and signs it as an evil suite would.
func resign(t *testing.T, raw []byte, key certificate.PrivateKey, change ...string) []byte {
	t.Helper()
	var envelope struct {
		PayloadType string `json:"payloadType"`
		Payload     string `json:"payload"`
		Signatures  []struct {
			KeyID string `json:"keyid"`
			Sig   string `json:"sig"`
		} `json:"signatures"`
	}
	if err := json.Unmarshal(raw, &envelope); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(change); i += 2 {
		changed := strings.Replace(string(payload), change[i], change[i+1], 1)
		if changed == string(payload) {
			t.Fatalf("there is no %q in %s", change[i], payload)
		}
		payload = []byte(changed)
	}
	text, err := key.MarshalPEM()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	sig := ed25519.Sign(private.(ed25519.PrivateKey), fmt.Appendf(nil, "DSSEv1 28 %s %d %s", envelope.PayloadType, len(payload), payload))
	envelope.Payload = base64.StdEncoding.EncodeToString(payload)
	envelope.Signatures[0].Sig = base64.StdEncoding.EncodeToString(sig)
	out, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

func TestAnyFlippedBitIsRefused(t *testing.T) {
	key := newKey(t)
	raw := sign(t, claims(t), key)
	keys := []certificate.PublicKey{key.Public()}
	reasons := map[certificate.Reason]int{}
	for i := range raw {
		for bit := range 8 {
			changed := bytes.Clone(raw)
			changed[i] ^= 1 << bit
			_, err := certificate.Verify(changed, keys, digest("binary"), now)
			if err == nil {
				t.Fatalf("bit %d of byte %d can be flipped: %s", bit, i, changed[max(0, i-20):min(len(raw), i+20)])
			}
			reasons[certificate.ReasonOf(err)]++
		}
	}
	for _, r := range []certificate.Reason{certificate.Malformed, certificate.BadSignature, certificate.UnknownKey} {
		if reasons[r] == 0 {
			t.Errorf("no flip was %s: %v", r, reasons)
		}
	}
	if _, err := certificate.Verify(raw[:len(raw)-1], keys, digest("binary"), now); err == nil {
		t.Error("a cut certificate was accepted")
	}
}

func FuzzVerify(f *testing.F) {
	key := newKey(f)
	raw := sign(f, claims(f), key)
	keys := []certificate.PublicKey{key.Public()}
	f.Add(raw)
	f.Add(raw[:len(raw)/2])
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, err := certificate.Verify(text, keys, digest("binary"), now)
		if (err == nil) != bytes.Equal(text, raw) {
			t.Errorf("error %v", err)
		}
		if err != nil && certificate.ReasonOf(err) == "" {
			t.Errorf("error %v has no reason", err)
		}
	})
}

// FuzzStatement reaches what only a trusted key's holder could send.
func FuzzStatement(f *testing.F) {
	f.Add("result", "passed")
	f.Add(`"name":"fixtures"`, `"name":"profile/x@99999999999999999999"`)
	f.Add(`"annotations"`, `"digest"`)
	f.Fuzz(func(t *testing.T, old, replacement string) {
		key := newKey(t)
		raw := sign(t, claims(t), key)
		if old == "" || strings.Contains(old, `\`) {
			return
		}
		changed := tryResign(t, raw, key, old, replacement)
		if changed == nil {
			return
		}
		c, err := certificate.Verify(changed, []certificate.PublicKey{key.Public()}, digest("binary"), now)
		if err == nil && c.Certifiable() != nil {
			t.Errorf("accepted what could not have been signed: %v", c.Certifiable())
		}
	})
}

func tryResign(t *testing.T, raw []byte, key certificate.PrivateKey, old, replacement string) []byte {
	t.Helper()
	var envelope struct{ Payload string }
	if err := json.Unmarshal(raw, &envelope); err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(payload), old) || old == replacement {
		return nil
	}
	return resign(t, raw, key, old, replacement)
}
