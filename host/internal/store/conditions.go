package store

import (
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
)

// conditions is a WHERE clause under construction. All of its terms must hold.
type conditions struct {
	terms []string
	args  []any
}

func (w *conditions) add(term string, args ...any) {
	w.terms = append(w.terms, term)
	w.args = append(w.args, args...)
}

func (w *conditions) where() string {
	if len(w.terms) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(w.terms, " AND ")
}

// in adds that a column has one of the values; no values add nothing.
func in[T ~string | int64](w *conditions, column string, values []T) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	w.add(column+" IN (?"+strings.Repeat(",?", len(values)-1)+")", args...)
}

func (w *conditions) equal(column, value string) {
	if value != "" {
		w.add(column+" = ?", value)
	}
}

func (w *conditions) amount(comparison string, value *int64) {
	if value != nil {
		w.add("p.amount "+comparison+" ?", *value)
	}
}

func (w *conditions) time(column, comparison string, t time.Time) {
	if !t.IsZero() {
		w.add(column+" "+comparison+" ?", t.UnixMicro())
	}
}

// conditions says in SQL what f selects.
func (f Filter) conditions() conditions {
	var w conditions
	w.equal("p.merchant_account", f.MerchantAccount)
	w.equal("p.id", f.ID)
	w.equal("p.external_id", f.ExternalID)
	w.equal("p.reference", f.Reference)
	w.equal("p.order_ref", f.OrderRef)
	in(&w, "p.status", f.Statuses)
	in(&w, "p.currency", f.Currencies)
	in(&w, "p.country", f.Countries)
	in(&w, "p.method", f.Methods)
	in(&w, "p.service", f.Services)
	in(&w, "p.error_code", f.ErrorCodes)
	w.amount("=", f.AmountEQ)
	w.amount(">=", f.AmountGTE)
	w.amount("<=", f.AmountLTE)
	w.time("p.created_at", ">=", ceiling(f.CreatedGTE))
	w.time("p.created_at", "<=", f.CreatedLTE)
	w.time("p.updated_at", ">=", ceiling(f.UpdatedGTE))
	w.time("p.updated_at", "<=", f.UpdatedLTE)
	if f.HasRefunds != nil {
		w.add(map[bool]string{true: "p.refunded > 0", false: "p.refunded = 0"}[*f.HasRefunds])
	}
	w.metadata(f.Metadata)
	if f.Search != "" {
		text := strings.Map(lowerASCII, f.Search)
		w.add(`(instr(lower(p.id), ?) > 0 OR instr(lower(p.external_id), ?) > 0
			OR instr(lower(p.reference), ?) > 0 OR instr(lower(p.order_ref), ?) > 0)`, text, text, text, text)
	}
	return w
}

// lowerASCII maps a letter as the database's lower does: letters beyond ASCII stay.
func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// ceiling is the first moment, as the database keeps time, that is not before t.
func ceiling(t time.Time) time.Time {
	if kept := ledger.Kept(t); kept.Before(t) {
		return kept.Add(time.Microsecond)
	}
	return t
}

// metadata adds that all pairs of one of the sets match. A set without pairs matches
// everything.
func (w *conditions) metadata(sets []map[string]string) {
	var any conditions
	for _, set := range sets {
		if len(set) == 0 {
			return
		}
		var all conditions
		for name, value := range set {
			all.add("p.seq IN (SELECT payment FROM metadata WHERE name = ? AND value = ?)", name, value)
		}
		any.add("("+strings.Join(all.terms, " AND ")+")", all.args...)
	}
	if len(any.terms) > 0 {
		w.add("("+strings.Join(any.terms, " OR ")+")", any.args...)
	}
}
