package reference_test

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
)

// register asks for webhooks and returns the registration.
func (b *bench) register(url, current string) sdk.WebhookRegistration {
	b.t.Helper()
	registration, err := b.RegisterWebhook(b.t.Context(), sdk.RegisterWebhookRequest{Call: b.read(""), URL: url, Current: current})
	if err != nil || registration.ID == "" || registration.Secret.Empty() {
		b.t.Fatalf("%+v, %v", registration, err)
	}
	return registration
}

// delivery is a signed event as a host gets it.
func (b *bench) delivery(r sdk.WebhookRegistration, body []byte, now time.Time) sdk.WebhookRequest {
	return sdk.WebhookRequest{
		Call: b.read(""), Method: http.MethodPost, URL: "https://host.example/hook", Body: body, Now: now, Tolerance: time.Minute,
		Headers: map[string][]string{
			"reference-signature": {provider.Sign(r.Secret.Reveal(), now, body)}, "REFERENCE-WEBHOOK": {r.ID},
		},
		Secrets: []sdk.SigningSecret{{RegistrationID: r.ID, Secret: r.Secret}},
	}
}

func TestRegistrationIsOneForEachURL(t *testing.T) {
	b := newBench(t, provider.Options{})
	first := b.register("https://host.example/a", "")
	same := b.register("https://host.example/a", first.ID)
	moved := b.register("https://host.example/b", first.ID)
	lost := b.register("https://host.example/b", "")
	for name, r := range map[string]sdk.WebhookRegistration{"same": same, "moved": moved, "lost": lost} {
		if r.ID != first.ID || !r.Secret.Equal(first.Secret) {
			t.Errorf("%s: registration %s, was %s", name, r.ID, first.ID)
		}
	}
	second := b.register("https://host.example/c", "")
	merged := b.register("https://host.example/b", second.ID)
	if second.ID == first.ID || merged.ID != first.ID {
		t.Errorf("second is %s, merged %s, first %s", second.ID, merged.ID, first.ID)
	}
	b.held(eur(1))
	if n := len(b.provider.Deliveries()); n != 1 {
		t.Errorf("one event is delivered %d times", n)
	}
}

func TestWebhooksAgreeWithLookups(t *testing.T) {
	b := newBench(t, provider.Options{})
	r := b.register("https://host.example/hook", "")
	h := b.held(eur(1000))
	if err := join(captures(h, 400), refunds(h, 100), after(nil, h.void)); err != nil {
		t.Fatal(err)
	}
	var seen []sdk.Snapshot
	ids := map[string]bool{}
	for _, d := range b.provider.Deliveries() {
		reading, err := b.ReadWebhook(t.Context(), b.delivery(r, d.Body, b.provider.Now()))
		if err != nil || reading.Refused != nil || len(reading.Observations) != 1 || reading.Respond.Status != http.StatusNoContent {
			t.Fatalf("%+v, %v", reading, err)
		}
		seen = append(seen, reading.Observations...)
		ids[reading.EventID] = true
	}
	if len(seen) != 6 || len(ids) != 6 {
		t.Errorf("%d events with %d ids, want 6", len(seen), len(ids))
	}
	newest := slices.MaxFunc(seen, func(a, b sdk.Snapshot) int { return int(a.Revision - b.Revision) })
	if diff := cmp.Diff(*h.now(), newest); diff != "" {
		t.Errorf("the newest event differs from the lookup:\n%s", diff)
	}
}

// event is one signed delivery, and a bench to read it with.
func event(t *testing.T) (*bench, sdk.WebhookRequest) {
	b := newBench(t, provider.Options{})
	r := b.register("https://host.example/hook", "")
	b.held(eur(1000))
	return b, b.delivery(r, b.provider.Deliveries()[0].Body, time.Unix(1_800_000_000, 0))
}

func refusedWith(t *testing.T, b sdk.WebhookReader, req sdk.WebhookRequest, codes ...sdk.Code) {
	t.Helper()
	reading, err := b.ReadWebhook(t.Context(), req)
	if err != nil || reading.Refused == nil || len(reading.Observations) > 0 || reading.Respond.Status/100 == 2 {
		t.Fatalf("%+v, %v", reading, err)
	}
	if !slices.Contains(codes, reading.Refused.Code) {
		t.Fatalf("%v, want one of %v", reading.Refused, codes)
	}
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	_, good := event(t)
	b := reference.New(reference.Options{}) // not through the wire, which refuses what is not UTF-8
	if reading, err := b.ReadWebhook(t.Context(), good); err != nil || reading.Refused != nil {
		t.Fatalf("as it is: %+v, %v", reading, err)
	}
	invalid := []sdk.Code{sdk.CodeSignatureInvalid, sdk.CodeSignatureMissing}
	for i := range len(good.Body) * 8 {
		bad := good
		bad.Body = flip(good.Body, i)
		refusedWith(t, b, bad, invalid...)
	}
	header := good.Headers["reference-signature"][0]
	for i := range len(header) * 8 {
		bad := good
		bad.Headers = map[string][]string{"Reference-Signature": {string(flip([]byte(header), i))}}
		refusedWith(t, b, bad, invalid...)
	}
	secret := good.Secrets[0].Secret.Reveal()
	for i := range len(secret) * 8 {
		bad := good
		bad.Secrets = []sdk.SigningSecret{{Secret: sdk.NewSecret(string(flip([]byte(secret), i)))}}
		refusedWith(t, b, bad, invalid...)
	}
}

func flip(text []byte, bit int) []byte {
	flipped := bytes.Clone(text)
	flipped[bit/8] ^= 1 << (bit % 8)
	return flipped
}

func TestDeliveriesThatAreRefused(t *testing.T) {
	b, good := event(t)
	signature := good.Headers["reference-signature"][0]
	stamp, mac, _ := strings.Cut(signature, ",")
	sign := func(r *sdk.WebhookRequest, body string) {
		r.Body = []byte(body)
		r.Headers["reference-signature"] = []string{provider.Sign(r.Secrets[0].Secret.Reveal(), r.Now, r.Body)}
	}
	tests := map[string]struct {
		spoil func(*sdk.WebhookRequest)
		code  sdk.Code
	}{
		"no signature":      {func(r *sdk.WebhookRequest) { delete(r.Headers, "reference-signature") }, sdk.CodeSignatureMissing},
		"an empty one":      {func(r *sdk.WebhookRequest) { r.Headers["reference-signature"] = []string{""} }, sdk.CodeSignatureMissing},
		"two of them":       {func(r *sdk.WebhookRequest) { r.Headers["reference-signature"] = []string{signature, signature} }, sdk.CodeSignatureInvalid},
		"two spellings":     {func(r *sdk.WebhookRequest) { r.Headers["Reference-Signature"] = []string{signature} }, sdk.CodeSignatureInvalid},
		"another algorithm": {func(r *sdk.WebhookRequest) { r.Headers["reference-signature"] = []string{stamp + ",v0" + mac[2:]} }, sdk.CodeSignatureInvalid},
		"space around it":   {func(r *sdk.WebhookRequest) { r.Headers["reference-signature"] = []string{" " + signature} }, sdk.CodeSignatureInvalid},
		"capitals": {func(r *sdk.WebhookRequest) {
			r.Headers["reference-signature"] = []string{stamp + "," + strings.ToUpper(mac)}
		}, sdk.CodeSignatureInvalid},
		"no secret":       {func(r *sdk.WebhookRequest) { r.Secrets = nil }, sdk.CodeSignatureInvalid},
		"an empty secret": {func(r *sdk.WebhookRequest) { r.Secrets[0].Secret = sdk.NewSecret("") }, sdk.CodeSignatureInvalid},
		"signed with an empty secret": {func(r *sdk.WebhookRequest) {
			r.Secrets[0].Secret = sdk.NewSecret("")
			r.Headers["reference-signature"] = []string{provider.Sign("", r.Now, r.Body)}
		}, sdk.CodeSignatureInvalid},
		"another's secret":   {func(r *sdk.WebhookRequest) { r.Secrets[0].RegistrationID = "whk_other" }, sdk.CodeSignatureInvalid},
		"other white space":  {func(r *sdk.WebhookRequest) { r.Body = append(r.Body, ' ') }, sdk.CodeSignatureInvalid},
		"a second too old":   {func(r *sdk.WebhookRequest) { r.Now = r.Now.Add(61 * time.Second) }, sdk.CodeTimestampSkew},
		"a second too young": {func(r *sdk.WebhookRequest) { r.Now = r.Now.Add(-61 * time.Second) }, sdk.CodeTimestampSkew},
		"two megabytes":      {func(r *sdk.WebhookRequest) { r.Body = make([]byte, 2<<20) }, sdk.CodeSchemaViolation},
		"signed nonsense":    {func(r *sdk.WebhookRequest) { sign(r, "{") }, sdk.CodeSchemaViolation},
		"signed depth":       {func(r *sdk.WebhookRequest) { sign(r, strings.Repeat("[", 100_000)) }, sdk.CodeSchemaViolation},
		"signed nothing":     {func(r *sdk.WebhookRequest) { sign(r, "{}") }, sdk.CodeSchemaViolation},
		"signed live":        {func(r *sdk.WebhookRequest) { sign(r, `{"id":"e","mode":"live","type":"payment.voided"}`) }, sdk.CodeEnvironmentMismatch},
		"about no payment":   {func(r *sdk.WebhookRequest) { sign(r, `{"id":"e","mode":"test","type":"payment.voided"}`) }, sdk.CodeUnparseableSuccess},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			bad := good
			bad.Body, bad.Secrets = bytes.Clone(good.Body), slices.Clone(good.Secrets)
			bad.Headers = map[string][]string{"reference-signature": {signature}, "REFERENCE-WEBHOOK": good.Headers["REFERENCE-WEBHOOK"]}
			tt.spoil(&bad)
			refusedWith(t, b, bad, tt.code)
		})
	}
}

func TestDeliveriesThatAreBelieved(t *testing.T) {
	b, good := event(t)
	old := sdk.SigningSecret{Secret: sdk.NewSecret("the secret before")}
	for name, change := range map[string]func(*sdk.WebhookRequest){
		"as it is":            func(*sdk.WebhookRequest) {},
		"during a rotation":   func(r *sdk.WebhookRequest) { r.Secrets = append([]sdk.SigningSecret{old}, r.Secrets...) },
		"as old as it may be": func(r *sdk.WebhookRequest) { r.Now = r.Now.Add(60 * time.Second) },
		"without its id":      func(r *sdk.WebhookRequest) { delete(r.Headers, "REFERENCE-WEBHOOK") },
	} {
		t.Run(name, func(t *testing.T) {
			req := good
			change(&req)
			if reading, err := b.ReadWebhook(t.Context(), req); err != nil || reading.Refused != nil {
				t.Errorf("%+v, %v", reading, err)
			}
		})
	}
}

func TestUnknownEventIsAcknowledgedAndIgnored(t *testing.T) {
	b, req := event(t)
	req.Body = []byte(`{"id":"evt_1","type":"payment.blessed","mode":"test"}`)
	req.Headers["reference-signature"] = []string{provider.Sign(req.Secrets[0].Secret.Reveal(), req.Now, req.Body)}
	reading, err := b.ReadWebhook(t.Context(), req)
	if err != nil || reading.Refused == nil || reading.Refused.Code != sdk.CodeUnknownEvent || reading.Respond.Status != http.StatusNoContent {
		t.Errorf("%+v, %v", reading, err)
	}
}
