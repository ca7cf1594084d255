// Package hooks is the reference connector with webhooks that are believed when they
// should not be, refused when they should not be, or misunderstood.
package hooks

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists the mutants.
func Mutants() []broken.Mutant { return append(append(trusting(), strict()...), confused()...) }

// A read is how a mutant reads a delivery, given the connector that reads it right.
type read func(ctx context.Context, right *reference.Connector, req sdk.WebhookRequest) (sdk.WebhookReading, error)

type reader struct {
	*reference.Connector
	read read
}

func (r reader) ReadWebhook(ctx context.Context, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
	return r.read(ctx, r.Connector, req)
}

func reading(f read) func(*reference.Connector) sdk.Connector {
	return func(c *reference.Connector) sdk.Connector { return reader{c, f} }
}

// changing has the request changed before it is read.
func changing(change func(*sdk.WebhookRequest)) func(*reference.Connector) sdk.Connector {
	return reading(func(ctx context.Context, right *reference.Connector, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
		change(&req)
		return right.ReadWebhook(ctx, req)
	})
}

// retelling has the reading changed before it is told.
func retelling(change func(*sdk.WebhookReading, sdk.WebhookRequest)) func(*reference.Connector) sdk.Connector {
	return reading(func(ctx context.Context, right *reference.Connector, req sdk.WebhookRequest) (sdk.WebhookReading, error) {
		r, err := right.ReadWebhook(ctx, req)
		change(&r, req)
		return r, err
	})
}

// proof are the values of the signature header, whatever the case of its name.
func proof(req sdk.WebhookRequest) (values []string) {
	for name, got := range req.Headers {
		if strings.EqualFold(name, provider.SignatureHeader) {
			values = append(values, got...)
		}
	}
	return values
}

// prove puts a signature in the place of any other: from here on the delivery is genuine.
func prove(req *sdk.WebhookRequest, values ...string) {
	headers := map[string][]string{provider.SignatureHeader: values}
	for name, got := range req.Headers {
		if !strings.EqualFold(name, provider.SignatureHeader) {
			headers[name] = got
		}
	}
	req.Headers = headers
}

// sign makes the signature that the first secret would make at a time.
func sign(req sdk.WebhookRequest, at time.Time) string {
	if len(req.Secrets) == 0 {
		return ""
	}
	return provider.Sign(req.Secrets[0].Secret.Reveal(), at, req.Body)
}

// signedAt is the time in a signature.
func signedAt(req sdk.WebhookRequest) (time.Time, bool) {
	var seconds int64
	values := proof(req)
	if len(values) != 1 {
		return time.Time{}, false
	}
	_, err := fmt.Sscanf(values[0], "t=%d,", &seconds)
	return time.Unix(seconds, 0), err == nil
}

// registrar registers under a URL of its own each time.
type registrar struct {
	*reference.Connector
	times *atomic.Int64
}

func (r registrar) RegisterWebhook(ctx context.Context, req sdk.RegisterWebhookRequest) (sdk.WebhookRegistration, error) {
	req.URL, req.Current = fmt.Sprintf("%s?n=%d", req.URL, r.times.Add(1)), ""
	return r.Connector.RegisterWebhook(ctx, req)
}

// A memory keeps secrets for longer than it should.
type memory struct {
	mu      sync.Mutex
	secrets map[string]sdk.SigningSecret
}

func newMemory() *memory { return &memory{secrets: map[string]sdk.SigningSecret{}} }

// complete puts the whole secret in the place of one that is its beginning.
func (m *memory) complete(req *sdk.WebhookRequest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, s := range req.Secrets {
		had := m.secrets[s.RegistrationID]
		switch short := s.Secret.Reveal(); {
		case len(short) > 8 && strings.HasPrefix(had.Secret.Reveal(), short):
			req.Secrets[i] = had
		case had.Secret.Empty():
			m.secrets[s.RegistrationID] = s
		}
	}
}

// recall adds the secret of a registration that the request has none for.
func (m *memory) recall(req *sdk.WebhookRequest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	named := req.Headers[provider.HookHeader]
	if len(named) != 1 || len(req.Secrets) == 0 {
		return
	}
	for _, s := range req.Secrets {
		if s.Secret.Empty() || s.RegistrationID == named[0] {
			return
		}
	}
	if had, ok := m.secrets[named[0]]; ok {
		req.Secrets = append(req.Secrets, had)
	}
}

func (m *memory) learn(req sdk.WebhookRequest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range req.Secrets {
		m.secrets[s.RegistrationID] = s
	}
}
