package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// fill sets every field of what v points to, at any depth, to something of its own, so
// that a field which somebody adds and nobody stores is missed here.
func fill(v any) { fillValue(reflect.ValueOf(v).Elem(), new(int64)) }

func fillValue(v reflect.Value, n *int64) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMicro(1_700_000_000_000_000 + *n).UTC()))
		return
	case sdk.Secret:
		v.Set(reflect.ValueOf(sdk.NewSecret(fmt.Sprint("secret ", *n))))
		return
	case json.RawMessage:
		v.Set(reflect.ValueOf(json.RawMessage(fmt.Sprintf(`{"n":%d}`, *n))))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillValue(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillValue(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fillValue(v.Index(i), n)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fillValue(key, n)
		fillValue(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Int, reflect.Int64:
		v.SetInt(*n)
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256)) //nolint:gosec // small
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic(fmt.Sprintf("no rule for filling a %s", v.Type()))
	}
}

func keepsEveryFieldOfPayments(t *testing.T, open opener) {
	s := open(t, newClock().now)
	ctx := t.Context()
	var rec Record
	fill(&rec)
	rec.Jobs = nil
	for i := range rec.Operations {
		rec.Operations[i].Kind = []sdk.Operation{sdk.OpAuthorize, sdk.OpCapture}[i]
	}
	rec.Truth.Provider.HTTPStatus = 0
	added := rec.Added
	var idem Idempotency
	fill(&idem)
	if err := s.Create(ctx, &rec, &idem); err != nil {
		t.Fatal(err)
	}
	same(t, "payment", read(t, s, rec.Payment.ID), rec)
	events, _, err := s.Events(ctx, rec.Payment.ID, 10, "")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "events", events, []Event{added[1], added[0]})
	kept, err := s.Idempotency(ctx, idem.MerchantAccount, idem.Scope, idem.Key)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "key", kept, idem)
	page, err := s.List(ctx, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "listed payment", page.Records, []Record{rec})

	// The same, made by a change. What was fixed stays.
	later := newPayment()
	create(t, s, later)
	changed := update(t, s, later.Payment.ID, func(r *Record) {
		fixed := *r
		fill(r)
		r.Jobs = nil
		r.Payment, r.MerchantAccount, r.Service, r.Connector = fixed.Payment, fixed.MerchantAccount, fixed.Service, fixed.Connector
		r.Method, r.Country, r.Request, r.ReturnURL = fixed.Method, fixed.Country, fixed.Request, fixed.ReturnURL
		r.BuyerExternalID = fixed.BuyerExternalID
		op := &r.Operations[0]
		op.ID, op.Kind, op.Key, op.CreatedAt = later.Operations[0].ID, later.Operations[0].Kind, later.Operations[0].Key, later.Operations[0].CreatedAt
	})
	same(t, "changed payment", read(t, s, later.Payment.ID), changed)
	if changed.Operations[0].Release == "" || changed.Truth.Session == "" || changed.Closing == nil {
		t.Errorf("the change was not made: %+v", changed)
	}
}

func keepsEveryFieldOfTheRest(t *testing.T, open opener) {
	s := open(t, newClock().now)
	ctx := t.Context()
	var service PaymentService
	fill(&service)
	service.Revision = 0
	if err := s.SaveService(ctx, &service); err != nil {
		t.Fatal(err)
	}
	gotService, err := s.Service(ctx, service.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "service", gotService, service)

	var key APIKey
	fill(&key)
	if err := s.SaveKey(ctx, &key); err != nil {
		t.Fatal(err)
	}
	gotKey, err := s.Key(ctx, key.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "api key", gotKey, key)

	var sub Subscription
	fill(&sub)
	if err := s.SaveSubscription(ctx, &sub); err != nil {
		t.Fatal(err)
	}
	gotSub, err := s.Subscription(ctx, sub.ID)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "subscription", gotSub, sub)

	var entry JournalEntry
	fill(&entry)
	if err := s.AppendJournal(ctx, entry); err != nil {
		t.Fatal(err)
	}
	journal, err := s.Journal(ctx, "", 1)
	if err != nil {
		t.Fatal(err)
	}
	entry.ID = journal[0].ID
	same(t, "journal", journal, []JournalEntry{entry})
}
