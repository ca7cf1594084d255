package api

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// payment is the id in the path.
func (c *call) payment() (sdk.PaymentID, error) {
	id := c.PathValue("id")
	if !isUUID(id) {
		return "", notFound()
	}
	return sdk.PaymentID(id), nil
}

// isUUID reports whether id is written as this host writes ids.
func isUUID(id string) bool {
	parsed, err := uuid.Parse(id)
	return err == nil && parsed.String() == id
}

// bare reads a request on a payment whose body says nothing.
func (c *call) bare(s *server) (sdk.PaymentID, document, error) {
	id, err := c.payment()
	if err != nil {
		return "", document{}, err
	}
	doc, err := c.body(s.shapes.none)
	return id, doc, err
}

// owned loads the payment in the path. Another merchant's is not found.
func (s *server) owned(c *call) (store.Record, error) {
	id, err := c.payment()
	if err != nil {
		return store.Record{}, err
	}
	rec, err := s.Store.Payment(c.ctx, id)
	if err != nil {
		return store.Record{}, err
	}
	if rec.MerchantAccount != c.account {
		return store.Record{}, store.ErrNotFound
	}
	return rec, nil
}

func (s *server) getTransaction(c *call) (answer, error) {
	rec, err := s.owned(c)
	if err != nil {
		return answer{}, err
	}
	return s.showTransaction(c.ctx, http.StatusOK, rec)
}

// listTransactions lists payments, newest update first. What it lists are whole
// transactions, which contain what the contract's summaries do.
func (s *server) listTransactions(c *call) (answer, error) {
	values, err := c.query()
	if err != nil {
		return answer{}, err
	}
	f, err := filterOf(values, c.account)
	if err != nil {
		return answer{}, err
	}
	found := store.Page{}
	if !f.nothing {
		if found, err = s.Store.List(c.ctx, f.Filter); err != nil {
			return answer{}, err
		}
	}
	names, err := s.serviceNames(c)
	if err != nil {
		return answer{}, err
	}
	p := page[transaction]{
		Items: make([]transaction, 0, len(found.Records)), Limit: f.Limit,
		NextCursor: optional(found.Next), PreviousCursor: optional(found.Prev),
	}
	for _, rec := range found.Records {
		name, ok := names[rec.Service]
		if !ok {
			name = rec.Connector
		}
		t, err := renderTransaction(rec, name)
		if err != nil {
			return answer{}, err
		}
		p.Items = append(p.Items, t)
	}
	return reply(http.StatusOK, p)
}

// serviceNames are the display names of the caller's payment services, by id.
func (s *server) serviceNames(c *call) (map[string]string, error) {
	services, err := s.Store.Services(c.ctx, c.account, true)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(services))
	for _, svc := range services {
		names[svc.ID] = svc.DisplayName
	}
	return names, nil
}

type transactionUpdate struct {
	ExternalIdentifier *string           `json:"external_identifier"`
	Metadata           map[string]string `json:"metadata"`
}

// updateTransaction changes what the merchant says of a payment: its external
// identifier and its metadata, which is replaced as a whole. Null leaves either as it
// is. What happened to the money cannot be overwritten.
func (s *server) updateTransaction(c *call) (answer, error) {
	doc, err := c.body(s.shapes.update)
	if err != nil {
		return answer{}, err
	}
	var u transactionUpdate
	if err := doc.into(&u); err != nil {
		return answer{}, err
	}
	rec, err := s.owned(c)
	if err != nil {
		return answer{}, err
	}
	rec, err = s.Store.Update(c.ctx, rec.Payment.ID, nil, func(rec *store.Record) error {
		if u.ExternalIdentifier != nil {
			rec.ExternalID = *u.ExternalIdentifier
		}
		if u.Metadata != nil {
			rec.Metadata = u.Metadata
		}
		rec.Added = append(rec.Added, store.Event{
			ID: uuid.NewString(), Name: "transaction-modified-event", At: s.Now(), Context: json.RawMessage(doc.canonical),
		})
		return nil
	})
	if err != nil {
		return answer{}, err
	}
	return s.showTransaction(c.ctx, http.StatusOK, rec)
}

// syncTransaction asks the provider and answers with what is known then.
func (s *server) syncTransaction(c *call) (answer, error) {
	id, _, err := c.bare(s)
	if err != nil {
		return answer{}, err
	}
	rec, err := s.Engine.Sync(c.ctx, c.account, id)
	if err != nil {
		return answer{}, err
	}
	return s.showTransaction(c.ctx, http.StatusOK, rec)
}

// incrementAuthorization refuses: the host has no way yet to ask a connector for it.
func (s *server) incrementAuthorization(c *call) (answer, error) {
	rec, err := s.owned(c)
	if err != nil {
		return answer{}, err
	}
	if _, err := c.body(s.shapes.increment); err != nil {
		return answer{}, err
	}
	message := "This host does not offer incremental authorization yet"
	for _, x := range s.Connectors.List() {
		if x.Description.Manifest.Name == rec.Connector && !x.Description.Operations.Has(sdk.OpIncrement) {
			message = "The connector " + rec.Connector + " does not offer incremental authorization"
		}
	}
	p := badRequest(message)
	p.Details = []detail{{inPath, "/transaction_id", message, string(sdk.CodeOperationUnsupported)}}
	return answer{}, p
}

// An event is one step in a payment's story.
type event struct {
	Type      string          `json:"type"`
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	CreatedAt instant         `json:"created_at"`
	Context   json.RawMessage `json:"context"`
}

// listEvents tells a payment's story, newest first.
func (s *server) listEvents(c *call) (answer, error) {
	values, err := c.query()
	if err != nil {
		return answer{}, err
	}
	w, refused := windowOf(values, defaultEventsLimit)
	if len(refused) > 0 {
		return answer{}, invalid(refused...)
	}
	rec, err := s.owned(c)
	if err != nil {
		return answer{}, err
	}
	found, next, err := s.Store.Events(c.ctx, rec.Payment.ID, w.limit, w.cursor)
	if err != nil {
		return answer{}, err
	}
	p := page[event]{Items: make([]event, 0, len(found)), Limit: w.limit, NextCursor: optional(next)}
	for _, e := range found {
		if len(e.Context) == 0 {
			e.Context = json.RawMessage("{}")
		}
		p.Items = append(p.Items, event{"transaction-event", e.ID, e.Name, instant(e.At), e.Context})
	}
	return reply(http.StatusOK, p)
}

// listNothing answers for what a payment of this host never has: flow actions,
// settlements, settlements of refunds.
func (s *server) listNothing(c *call) (answer, error) {
	if _, err := s.owned(c); err != nil {
		return answer{}, err
	}
	return reply(http.StatusOK, items[struct{}]{Items: []struct{}{}})
}
