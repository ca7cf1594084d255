package certificate_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

// A situation is one way in which a program and its certificate may stand. It begins
// with all in order.
type situation struct {
	policy      certificate.Policy
	claims      certificate.Claims
	description sdk.Description
	binary      string
	key         certificate.PrivateKey
	now         time.Time
	absent      bool
	damage      func([]byte) []byte
}

func inOrder(t *testing.T) *situation {
	key := newKey(t)
	public := key.Public()
	public.Name = "release"
	return &situation{
		policy: certificate.Policy{
			Keys: []certificate.PublicKey{public}, MinSuite: "0.3.0", MaxAge: 24 * time.Hour, Evidence: certificate.Recorded,
			RequireProfiles: []string{"core", "refunds@1"}, Revoked: []string{digest("something else")},
		},
		claims: claims(t), description: described(), binary: digest("binary"), key: key, now: now,
	}
}

func (s *situation) judge(t *testing.T) certificate.Judgement {
	t.Helper()
	if err := s.policy.Check(); err != nil {
		t.Fatal(err)
	}
	var raw []byte
	if !s.absent {
		raw = sign(t, s.claims, s.key)
	}
	if s.damage != nil {
		raw = s.damage(raw)
	}
	return s.policy.Judge(certificate.Subject{Binary: s.binary, Description: &s.description}, raw, s.now)
}

func TestJudge(t *testing.T) {
	tests := map[string]struct {
		change func(*situation)
		want   []certificate.Reason
	}{
		"all in order":                  {func(*situation) {}, nil},
		"no certificate":                {func(s *situation) { s.absent = true }, reasons("NO_CERT")},
		"an empty certificate":          {func(s *situation) { s.damage = func([]byte) []byte { return []byte{} } }, reasons("MALFORMED")},
		"half a certificate":            {func(s *situation) { s.damage = func(b []byte) []byte { return b[:len(b)/2] } }, reasons("MALFORMED")},
		"a changed signature":           {func(s *situation) { s.damage = otherSignature }, reasons("BAD_SIG")},
		"a foreign key":                 {func(s *situation) { s.key = newKey(t) }, reasons("UNKNOWN_KEY")},
		"nobody is trusted":             {func(s *situation) { s.policy.Keys = nil }, reasons("UNKNOWN_KEY")},
		"a key of nothing":              {func(s *situation) { s.policy.Keys = make([]certificate.PublicKey, 1) }, reasons("UNKNOWN_KEY")},
		"another program's certificate": {func(s *situation) { s.binary = digest("other") }, reasons("DIGEST_MISMATCH")},
		"another system":                {func(s *situation) { s.claims.OS = "plan9" }, reasons("PLATFORM")},
		"another processor":             {func(s *situation) { s.claims.Arch = "mips" }, reasons("PLATFORM")},
		"from the future":               {func(s *situation) { s.now = tested.Add(-time.Hour) }, reasons("NOT_YET_VALID")},
		"a clock that is a bit behind":  {func(s *situation) { s.now = tested.Add(-time.Minute) }, nil},
		"a second too old":              {func(s *situation) { s.now = now.Add(time.Second) }, reasons("EXPIRED")},
		"old, and age does not count":   {func(s *situation) { s.now, s.policy.MaxAge = now.Add(1e6*time.Hour), 0 }, nil},
		"an older suite":                {func(s *situation) { s.claims.Suite.Version = "0.2.9" }, reasons("SUITE_TOO_OLD")},
		"a pre-release of the suite":    {func(s *situation) { s.claims.Suite.Version = "0.3.0-rc.1" }, reasons("SUITE_TOO_OLD")},
		"a newer suite":                 {func(s *situation) { s.claims.Suite.Version = "0.10.0" }, nil},
		"weaker evidence":               {func(s *situation) { s.claims.Evidence = certificate.Simulated }, reasons("EVIDENCE")},
		"stronger evidence":             {func(s *situation) { s.claims.Evidence = certificate.SandboxTests }, nil},
		"a profile that was not passed": {func(s *situation) { s.policy.RequireProfiles = []string{"webhooks"} }, reasons("PROFILE_MISSING")},
		"an older version of a profile": {func(s *situation) { s.policy.RequireProfiles = []string{"refunds@2"} }, reasons("PROFILE_MISSING")},
		"a newer version of a profile":  {func(s *situation) { s.policy.RequireProfiles = []string{"core@1"} }, nil},
		"another manifest":              {func(s *situation) { s.description.Manifest.Limits.CartItems = 1 }, reasons("MANIFEST_MISMATCH")},
		"a feature that is new":         {func(s *situation) { s.description.Manifest.Features.OverCapture = true }, reasons("MANIFEST_MISMATCH")},
		"the manifest of another": {func(s *situation) {
			s.claims.Connector = "other-pay"
		}, reasons("MANIFEST_MISMATCH")},
		"an operation that was not declared": {func(s *situation) {
			s.description.Operations = append(s.description.Operations, sdk.OpVoid)
		}, reasons("CAP_NOT_CERTIFIED")},
		"an operation fewer":       {func(s *situation) { s.description.Operations = s.description.Operations[:1] }, nil},
		"a revoked program":        {func(s *situation) { s.policy.Revoked = []string{s.binary} }, reasons("REVOKED")},
		"revoked, uncertified too": {func(s *situation) { s.policy.Revoked, s.absent = []string{s.binary}, true }, reasons("REVOKED NO_CERT")},
		"a revoked certificate": {func(s *situation) {
			s.policy.Revoked = []string{digest(string(sign(t, s.claims, s.key)))}
		}, reasons("REVOKED")},
		"everything at once": {func(s *situation) {
			s.claims.OS, s.claims.Suite.Version, s.claims.Evidence = "plan9", "0.1.0", certificate.Simulated
			s.now, s.policy.RequireProfiles = now.Add(time.Hour), []string{"webhooks", "redirect"}
			s.description.Manifest.Version, s.policy.Revoked = "1.3.0", []string{s.binary}
			s.description.Operations = append(s.description.Operations, sdk.OpVoid)
		}, reasons("REVOKED PLATFORM EXPIRED SUITE_TOO_OLD EVIDENCE PROFILE_MISSING MANIFEST_MISMATCH CAP_NOT_CERTIFIED")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := inOrder(t)
			tt.change(s)
			for _, mode := range []certificate.Mode{"", certificate.Enforce, certificate.Warn, certificate.Off} {
				s.policy.Mode = mode
				want, admitted := tt.want, mode == certificate.Warn || len(tt.want) == 0
				if mode == certificate.Off {
					want, admitted = nil, true
				}
				j := s.judge(t)
				if diff := cmp.Diff(want, j.Reasons()); diff != "" || j.Admitted != admitted {
					t.Errorf("mode %q: admitted %t, reasons (-want +got):\n%s", mode, j.Admitted, diff)
				}
				refused, _ := errors.AsType[*certificate.RefusedError](j.Err())
				if (refused == nil) != admitted {
					t.Errorf("mode %q: error %v", mode, j.Err())
				}
				if refused != nil && !slices.Equal(refused.Reasons(), want) {
					t.Errorf("mode %q: the error's reasons are %v", mode, refused.Reasons())
				}
			}
		})
	}
}

func reasons(words string) (list []certificate.Reason) {
	for _, word := range strings.Fields(words) {
		list = append(list, certificate.Reason(word))
	}
	return list
}

// otherSignature changes the signature and leaves its form.
func otherSignature(raw []byte) []byte {
	text := string(raw)
	at := strings.Index(text, `"sig":"`) + len(`"sig":"`)
	first := "A"
	if text[at:at+1] == first {
		first = "B"
	}
	return []byte(text[:at] + first + text[at+1:])
}

// Nothing that cannot be believed is handed on.
func TestOnlyWhatCanBeBelievedIsTold(t *testing.T) {
	s := inOrder(t)
	if j := s.judge(t); j.Claims == nil || !strings.HasPrefix(j.Signer, "release (key ") || !j.ExpiresAt.Equal(now) {
		t.Errorf("of a good certificate: %+v", j)
	}
	for name, damage := range map[string]func(*situation){
		"changed": func(s *situation) { s.damage = otherSignature },
		"foreign": func(s *situation) { s.key = newKey(t) },
		"other":   func(s *situation) { s.binary = digest("other") },
	} {
		s := inOrder(t)
		damage(s)
		if j := s.judge(t); j.Claims != nil {
			t.Errorf("%s: claims %+v", name, j.Claims)
		}
	}
}

// Before a program was started, what it says of itself cannot count against it.
func TestJudgeBeforeTheFirstStart(t *testing.T) {
	s := inOrder(t)
	s.claims.Manifest = digest("other")
	raw := sign(t, s.claims, s.key)
	if j := s.policy.Judge(certificate.Subject{Binary: s.binary}, raw, s.now); !j.Admitted || j.Effective.Operations != nil {
		t.Errorf("judged without a description: %+v", j)
	}
}

func TestEffectiveIsImplementedCertifiedAndAllowed(t *testing.T) {
	withoutRefunds := func(s *situation) {
		s.claims.Operations = sdk.Operations{sdk.OpAuthorize, sdk.OpCapture, sdk.OpReadWebhook}
		s.claims.Features = []string{"partial_capture"}
	}
	tests := map[string]struct {
		change   func(*situation)
		mode     certificate.Mode
		want     sdk.Operations
		features []string
		modes    int // capture modes
		webhook  bool
		withheld []string
	}{
		"all of it": {
			func(*situation) {}, certificate.Enforce,
			described().Operations, []string{"cart_matches_amount", "partial_capture", "partial_refund"}, 2, true, nil,
		},
		"certified without refunds": {
			withoutRefunds, certificate.Enforce, sdk.Operations{sdk.OpAuthorize, sdk.OpCapture, sdk.OpReadWebhook},
			[]string{"cart_matches_amount", "partial_capture"}, 2, true, []string{"refund", "partial_refund"},
		},
		"certified without refunds, and only warned of": {
			withoutRefunds, certificate.Warn, described().Operations,
			[]string{"cart_matches_amount", "partial_capture", "partial_refund"}, 2, true, []string{"refund", "partial_refund"},
		},
		"certified without refunds, and nobody looks": {
			withoutRefunds, certificate.Off, described().Operations,
			[]string{"cart_matches_amount", "partial_capture", "partial_refund"}, 2, true, nil,
		},
		"allowed without captures": {
			func(s *situation) { s.policy.Allow = sdk.Operations{sdk.OpAuthorize, sdk.OpRefund, sdk.OpReadWebhook} }, certificate.Off,
			sdk.Operations{sdk.OpAuthorize, sdk.OpRefund, sdk.OpReadWebhook},
			[]string{"cart_matches_amount", "partial_capture", "partial_refund"}, 1, true, []string{"capture"},
		},
		"allowed without webhooks, certified without refunds": {
			func(s *situation) {
				withoutRefunds(s)
				s.policy.Allow = sdk.Operations{sdk.OpAuthorize, sdk.OpCapture, sdk.OpRefund}
			}, certificate.Enforce, sdk.Operations{sdk.OpAuthorize, sdk.OpCapture},
			[]string{"cart_matches_amount", "partial_capture"}, 2, false, []string{"refund", "read_webhook", "partial_refund"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := inOrder(t)
			tt.change(s)
			s.policy.Mode = tt.mode
			before := described()
			j := s.judge(t)
			m := j.Effective.Manifest
			if diff := cmp.Diff(tt.want, j.Effective.Operations); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.features, certificate.Features(m.Features)); diff != "" {
				t.Errorf("features (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.withheld, j.Withheld); diff != "" {
				t.Errorf("withheld (-want +got):\n%s", diff)
			}
			if len(m.CaptureModes) != tt.modes || (m.Webhook != nil) != tt.webhook || !j.Admitted {
				t.Errorf("admitted %t, capture modes %v, webhook %v", j.Admitted, m.CaptureModes, m.Webhook)
			}
			if diff := cmp.Diff(before, s.description); diff != "" {
				t.Errorf("the description that was given changed:\n%s", diff)
			}
		})
	}
}

// A feature that is added to the contract has to be thought about here.
func TestEveryFeatureHasAName(t *testing.T) {
	var all sdk.Features
	v := reflect.ValueOf(&all).Elem()
	var want []string
	for i := range v.NumField() {
		v.Field(i).SetBool(true)
		want = append(want, v.Type().Field(i).Tag.Get("json"))
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, certificate.Features(all)); diff != "" {
		t.Errorf("features (-contract +named):\n%s", diff)
	}
}

func TestPolicyNamesWhatIsWrong(t *testing.T) {
	wrong := certificate.Policy{
		Mode: "strict", MinSuite: "1", MaxAge: -1, Evidence: "hearsay", RequireProfiles: []string{"Core", "core@0", "core@x"},
		Revoked: []string{"abc"}, Allow: sdk.Operations{"refunds"},
	}
	err := wrong.Check()
	for _, says := range []string{`"strict"`, `certification-min-suite is "1"`, "certification-max-age", `"hearsay"`, `"Core"`,
		`"core@0"`, `"core@x"`, `certification-revoked is "abc"`, `no operation "refunds"`} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Check = %v, does not say %s", err, says)
		}
	}
}

func TestSuiteVersionsAreOrderedAsSemver(t *testing.T) {
	ordered := []string{"0.9.9", "0.10.0-1", "0.10.0-2", "0.10.0-11", "0.10.0-alpha", "0.10.0-alpha.1", "0.10.0-beta", "0.10.0", "1.0.0+build", "10.0.0"}
	for i, has := range ordered {
		for k, least := range ordered {
			s := inOrder(t)
			s.claims.Suite.Version, s.policy.MinSuite = has, least
			if j := s.judge(t); j.Admitted != (i >= k) {
				t.Errorf("suite %s where %s is the oldest that counts: admitted %t", has, least, j.Admitted)
			}
		}
	}
}

func TestSummary(t *testing.T) {
	s := inOrder(t)
	if got, want := s.judge(t).Summary(), "certified for core@2, refunds@1 by release (key "; !strings.HasPrefix(got, want) ||
		!strings.HasSuffix(got, ") on 2026-03-01 with recorded evidence") {
		t.Errorf("summary %q", got)
	}
	s.absent = true
	if got := s.judge(t).Summary(); got != "not certified: NO_CERT: there is no certificate for it; conform certify makes one" {
		t.Errorf("summary %q", got)
	}
	s.policy.Mode = certificate.Warn
	if got := s.judge(t).Summary(); got != "serves although it is not certified: NO_CERT: there is no certificate for it; conform certify makes one" {
		t.Errorf("summary %q", got)
	}
	s.policy.Mode = certificate.Off
	if got := s.judge(t).Summary(); got != "certification is off" {
		t.Errorf("summary %q", got)
	}
}
