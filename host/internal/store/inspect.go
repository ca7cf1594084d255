package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// An Inspector reads a database as it is, while hosts work on it or while none does. It
// changes nothing, knows no key and so no secret.
type Inspector struct{ db backend }

// InspectSQLite opens the database file at path for reading.
func InspectSQLite(ctx context.Context, path string) (*Inspector, error) {
	db, err := readSQLite(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	return &Inspector{db}, nil
}

// MigrateSQLite brings the database file at path, which is made if there is none, to this
// version's schema, as opening it would, and then has others do so for what they keep in
// it. It returns the store's schema versions before and after. No host may have it open.
func MigrateSQLite(
	ctx context.Context, path string, others ...func(context.Context, Database) error,
) (from, to int, err error) {
	if from, err = versionOfSQLite(ctx, path); err != nil {
		return 0, 0, fmt.Errorf("looking at %s: %w", path, err)
	}
	db, err := openSQLite(ctx, path)
	if err != nil {
		return 0, 0, fmt.Errorf("migrating %s: %w", path, err)
	}
	to, err = schemaVersion(ctx, db.writer.db)
	for _, other := range others {
		if err == nil {
			err = other(ctx, db.database())
		}
	}
	return from, to, errors.Join(err, db.close(ctx))
}

// InspectPostgres opens the PostgreSQL database at url for reading. Hosts may work on it.
func InspectPostgres(ctx context.Context, url string) (*Inspector, error) {
	db, err := readPostgres(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("opening the PostgreSQL database: %w", err)
	}
	return &Inspector{db}, nil
}

// MigratePostgres does the same with the PostgreSQL database at url. Hosts of the version
// before may work on it.
func MigratePostgres(
	ctx context.Context, url string, others ...func(context.Context, Database) error,
) (from, to int, err error) {
	db, err := dialPostgres(ctx, url, inspectLimits)
	if err != nil {
		return 0, 0, fmt.Errorf("migrating the PostgreSQL database: %w", err)
	}
	if from, to, err = migratePostgres(ctx, db, postgresSchema); err != nil {
		err = fmt.Errorf("migrating the PostgreSQL database: %w", err)
	}
	for _, other := range others {
		if err == nil {
			err = other(ctx, Database{Postgres: db.pool})
		}
	}
	return from, to, errors.Join(err, db.close(ctx))
}

// Close closes the database. Nothing may be under way.
func (i *Inspector) Close(ctx context.Context) error { return i.db.close(ctx) }

// A Difference is something that the database says of a payment and that does not follow
// from the payment's ledger.
type Difference struct {
	Payment sdk.PaymentID `json:"payment_id"`
	What    string        `json:"what"` // a column such as "captured", or a kind of row such as "events"
	Is      string        `json:"is"`
	Want    string        `json:"want"` // what follows from the ledger
}

// String is the difference as a sentence.
func (d Difference) String() string {
	return fmt.Sprintf("payment %s: %s is %s, and follows from its ledger as %s", d.Payment, d.What, d.Is, d.Want)
}

// inspectPage is how many payments are looked at on one view of the database, which
// holds up the tidying of what is older.
const inspectPage = 500

// Check derives every payment anew from its ledger and reports what the database has
// otherwise: the columns that lists are filtered by, the rows that hang on the payment,
// and amounts that cannot be. It returns how many payments it has looked at. An error of
// report ends it. Each payment is seen as it is at one moment, not all at the same.
func (i *Inspector) Check(ctx context.Context, report func(Difference) error) (payments int, err error) {
	for after := int64(0); ; {
		var found []Difference
		seen := 0
		err := i.db.read(ctx, func(q reader) error {
			page, err := pageAfter(ctx, q, after)
			if err != nil || len(page) == 0 {
				return err
			}
			seen, after = len(page), page[len(page)-1].seq
			found, err = compare(ctx, q, page)
			return err
		})
		if err != nil {
			return payments, fmt.Errorf("checking payments: %w", err)
		}
		if seen == 0 {
			return payments, nil
		}
		for _, d := range found {
			if err := report(d); err != nil {
				return payments, err
			}
		}
		payments += seen
	}
}

// pageAfter reads the payments that come after the one with the given number.
func pageAfter(ctx context.Context, q reader, after int64) ([]stored, error) {
	var places []place
	rows, err := q.query(ctx, `SELECT seq FROM payments WHERE seq > ? ORDER BY seq LIMIT ?`, after, inspectPage)
	err = each(rows, err, func(r row) error {
		var p place
		err := r.Scan(&p.minor)
		places = append(places, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return loadPlaces(ctx, q, places)
}

// A findings collects what is different about a page of payments.
type findings struct {
	payments map[int64]*stored
	found    []Difference
}

func (f *findings) differ(s *stored, what, is, want string) {
	if is != want {
		f.found = append(f.found, Difference{s.Payment.ID, what, is, want})
	}
}

// compare compares payments with what the database has beside their ledgers.
func compare(ctx context.Context, q reader, page []stored) ([]Difference, error) {
	f := findings{payments: map[int64]*stored{}}
	seqs := make([]any, len(page))
	for i := range page {
		f.payments[page[i].seq], seqs[i] = &page[i], page[i].seq
		f.amounts(&page[i])
	}
	in := ` IN (` + marks(len(seqs)) + `)`
	for _, step := range []func(context.Context, reader, string, []any) error{f.derived, f.counts, f.captures, f.metadata} {
		if err := step(ctx, q, in, seqs); err != nil {
			return nil, err
		}
	}
	return f.found, nil
}

// amounts complains of more being taken than was held, or returned than was taken.
func (f *findings) amounts(s *stored) {
	v := s.View()
	if v.Captured+v.Released > v.Authorized || v.Captured < 0 || v.Released < 0 {
		f.differ(s, "captured and released", fmt.Sprintf("%d and %d", v.Captured, v.Released), fmt.Sprintf("at most %d", v.Authorized))
	}
	if v.Refunded+v.PendingRefund > v.Captured {
		f.differ(s, "refunded", fmt.Sprint(v.Refunded+v.PendingRefund), fmt.Sprintf("at most %d", v.Captured))
	}
}

// derived compares the columns that exist only for queries.
func (f *findings) derived(ctx context.Context, q reader, in string, seqs []any) error {
	var names []string
	for _, c := range new(stored).derived() {
		names = append(names, c.name)
	}
	rows, err := q.once(ctx, `SELECT seq, `+strings.Join(names, `, `)+` FROM payments WHERE seq`+in, seqs...)
	return each(rows, err, func(r row) error {
		var seq int64
		texts := make([]asText, len(names))
		into := []any{&seq}
		for i := range texts {
			into = append(into, &texts[i])
		}
		if err := r.Scan(into...); err != nil {
			return err
		}
		s := f.payments[seq]
		for i, c := range s.derived() {
			f.differ(s, c.name, string(texts[i]), fmt.Sprint(c.value))
		}
		return nil
	})
}

// counts compares how many rows there are with how many there have to be, without gaps.
func (f *findings) counts(ctx context.Context, q reader, in string, seqs []any) error {
	for _, table := range []struct {
		name string
		want func(*stored) int64
	}{
		{"operations", func(s *stored) int64 { return int64(len(s.Operations)) }},
		{"events", func(s *stored) int64 { return s.events }},
	} {
		rest := maps.Clone(f.payments)
		rows, err := q.once(ctx, `SELECT payment, count(*), max(position) + 1 FROM `+table.name+
			` WHERE payment`+in+` GROUP BY payment`, seqs...)
		err = each(rows, err, func(r row) error {
			var seq, count, end int64
			if err := r.Scan(&seq, &count, &end); err != nil {
				return err
			}
			s, want := f.payments[seq], table.want(f.payments[seq])
			f.differ(s, table.name, fmt.Sprint(count), fmt.Sprint(want))
			f.differ(s, table.name+" up to", fmt.Sprint(end), fmt.Sprint(want))
			delete(rest, seq)
			return nil
		})
		if err != nil {
			return err
		}
		for _, s := range rest {
			f.differ(s, table.name, "0", fmt.Sprint(table.want(s)))
		}
	}
	return nil
}

// captures compares the names by which a payment is found.
func (f *findings) captures(ctx context.Context, q reader, in string, seqs []any) error {
	return f.sets(ctx, q, `SELECT payment, ref, connector FROM captures WHERE payment`+in, seqs, "captures", func(s *stored) []string {
		var want []string
		for ref := range captureRefs(&s.Record) {
			want = append(want, ref+" of "+s.Connector)
		}
		return want
	}, " of ")
}

func (f *findings) metadata(ctx context.Context, q reader, in string, seqs []any) error {
	return f.sets(ctx, q, `SELECT payment, name, value FROM metadata WHERE payment`+in, seqs, "metadata", func(s *stored) []string {
		var want []string
		for name, value := range s.Metadata {
			want = append(want, name+" = "+value)
		}
		return want
	}, " = ")
}

// sets compares rows of two words with those that there have to be, in any order.
func (f *findings) sets(ctx context.Context, q reader, query string, seqs []any, what string, want func(*stored) []string, between string) error {
	has := map[int64][]string{}
	rows, err := q.once(ctx, query, seqs...)
	err = each(rows, err, func(r row) error {
		var seq int64
		var a, b string
		err := r.Scan(&seq, &a, &b)
		has[seq] = append(has[seq], a+between+b)
		return err
	})
	if err != nil {
		return err
	}
	for seq, s := range f.payments {
		f.differ(s, what, words(has[seq]), words(want(s)))
	}
	return nil
}

func words(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// An Export is one thing that a database holds; exactly one field is set. None holds a
// secret.
type Export struct {
	Payment *ExportedPayment `json:"payment,omitempty"`
	Service *ExportedService `json:"payment_service,omitempty"`
	Journal *ExportedStep    `json:"connector_event,omitempty"`
}

// An ExportedPayment is one payment with everything that happened to it.
type ExportedPayment struct {
	ID              sdk.PaymentID      `json:"id"`
	Reference       sdk.Reference      `json:"reference"`
	MerchantAccount string             `json:"merchant_account_id"`
	Service         string             `json:"payment_service_id"`
	Connector       string             `json:"connector"`
	Method          string             `json:"method"`
	Country         string             `json:"country"`
	Amount          sdk.Money          `json:"amount"`
	Intent          sdk.CaptureMode    `json:"intent"`
	ExternalID      string             `json:"external_identifier,omitempty"`
	Metadata        map[string]string  `json:"metadata,omitempty"`
	Status          ledger.Status      `json:"status"`
	ErrorCode       string             `json:"error_code,omitempty"`
	Authorized      int64              `json:"authorized"`
	Captured        int64              `json:"captured"`
	Released        int64              `json:"released"`
	Refunded        int64              `json:"refunded"`
	Unsettled       []sdk.OperationID  `json:"unsettled,omitempty"`
	CreatedAt       time.Time          `json:"created_at"`
	UpdatedAt       time.Time          `json:"updated_at"`
	ApprovalExpires time.Time          `json:"approval_expires_at,omitzero"`
	Operations      []ledger.Operation `json:"operations"`
	Truth           ledger.Truth       `json:"provider_truth"`
	Closing         *ledger.Closing    `json:"closing,omitempty"`
	Events          []Event            `json:"events"` // oldest first
	Request         json.RawMessage    `json:"request,omitempty"`
}

// An ExportedService is a payment service without its secrets.
type ExportedService struct {
	ID              string            `json:"id"`
	MerchantAccount string            `json:"merchant_account_id"`
	Connector       string            `json:"connector"`
	Method          string            `json:"method"`
	DisplayName     string            `json:"display_name"`
	Active          bool              `json:"active"`
	Deleted         bool              `json:"deleted"`
	Mode            sdk.Mode          `json:"mode"`
	Config          map[string]string `json:"config,omitempty"`
	Currencies      []string          `json:"accepted_currencies"`
	Countries       []string          `json:"accepted_countries"`
	CreatedAt       time.Time         `json:"created_at"`
	UpdatedAt       time.Time         `json:"updated_at"`
}

// An ExportedStep is a step in the life of a connector.
type ExportedStep struct {
	Connector string          `json:"connector"`
	At        time.Time       `json:"at"`
	Name      string          `json:"name"`
	Context   json.RawMessage `json:"context,omitempty"`
}

// Export hands out everything that the database held at one moment: the payment
// services, the story of the connectors, then the payments, oldest first. An error of
// yield ends it.
func (i *Inspector) Export(ctx context.Context, yield func(Export) error) error {
	err := i.db.read(ctx, func(q reader) error {
		if err := exportServices(ctx, q, yield); err != nil {
			return err
		}
		if err := exportJournal(ctx, q, yield); err != nil {
			return err
		}
		for after := int64(0); ; {
			page, err := pageAfter(ctx, q, after)
			if err != nil || len(page) == 0 {
				return err
			}
			after = page[len(page)-1].seq
			if err := exportPayments(ctx, q, page, yield); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	return nil
}

func exportPayments(ctx context.Context, q reader, page []stored, yield func(Export) error) error {
	events := map[int64][]Event{}
	seqs := make([]any, len(page))
	for i := range page {
		seqs[i] = page[i].seq
	}
	rows, err := q.once(ctx, `SELECT payment, id, name, at, context FROM events
		WHERE payment IN (`+marks(len(seqs))+`) ORDER BY payment, position`, seqs...)
	err = each(rows, err, func(r row) error {
		var seq int64
		var e Event
		var when micros
		var detail []byte
		err := r.Scan(&seq, &e.ID, &e.Name, &when, &detail)
		e.At, e.Context = when.time(), detail
		events[seq] = append(events[seq], e)
		return err
	})
	if err != nil {
		return err
	}
	for i := range page {
		if err := yield(Export{Payment: exported(&page[i], events[page[i].seq])}); err != nil {
			return err
		}
	}
	return nil
}

func exported(s *stored, events []Event) *ExportedPayment {
	v, p := s.View(), &s.Payment
	return &ExportedPayment{
		ID: p.ID, Reference: p.Reference, MerchantAccount: s.MerchantAccount, Service: s.Service, Connector: s.Connector,
		Method: s.Method, Country: s.Country, Amount: p.Amount, Intent: p.Intent, ExternalID: s.ExternalID, Metadata: s.Metadata,
		Status: s.Status(v), ErrorCode: v.Reason.ErrorCode(),
		Authorized: v.Authorized, Captured: v.Captured, Released: v.Released, Refunded: v.Refunded, Unsettled: v.Unsettled,
		CreatedAt: p.CreatedAt, UpdatedAt: s.UpdatedAt, ApprovalExpires: p.ApprovalExpiresAt,
		Operations: s.Operations, Truth: s.Truth, Closing: s.Closing, Events: events, Request: s.Request,
	}
}

func exportServices(ctx context.Context, q reader, yield func(Export) error) error {
	var services []ExportedService
	rows, err := q.query(ctx, `SELECT id, merchant_account, connector, method, display_name, active, deleted, mode,
		config, currencies, countries, created_at, updated_at FROM services ORDER BY created_at, id`)
	err = each(rows, err, func(r row) error {
		var s ExportedService
		var active, deleted int64
		var created, updated micros
		err := r.Scan(&s.ID, &s.MerchantAccount, &s.Connector, &s.Method, &s.DisplayName, &active, &deleted, &s.Mode,
			fromJSON(&s.Config), fromJSON(&s.Currencies), fromJSON(&s.Countries), &created, &updated)
		s.Active, s.Deleted, s.CreatedAt, s.UpdatedAt = active == 1, deleted == 1, created.time(), updated.time()
		services = append(services, s)
		return err
	})
	for i := range services {
		if err == nil {
			err = yield(Export{Service: &services[i]})
		}
	}
	return err
}

func exportJournal(ctx context.Context, q reader, yield func(Export) error) error {
	rows, err := q.query(ctx, `SELECT connector, at, name, context FROM journal ORDER BY id`)
	return each(rows, err, func(r row) error {
		var s ExportedStep
		var when micros
		var detail []byte
		if err := r.Scan(&s.Connector, &when, &s.Name, &detail); err != nil {
			return err
		}
		s.At, s.Context = when.time(), detail
		return yield(Export{Journal: &s})
	})
}
