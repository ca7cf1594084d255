package store

import (
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"
)

// A database of the first release learns whose payments are which buyer's.
func TestBuyersOfOldPaymentsAreFound(t *testing.T) {
	dir := t.TempDir()
	first, err := sqliteSchema.ReadFile("sqlite/0001_first.sql")
	if err != nil {
		t.Fatal(err)
	}
	db, err := connect(filepath.Join(dir, "host.db"), writerPragmas, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate(t.Context(), db.db, fstest.MapFS{"sqlite/0001_first.sql": {Data: first}}); err != nil {
		t.Fatal(err)
	}
	bodies := map[string]string{
		"in its own field": `{"body":{"buyer_external_identifier":"b1"}}`,
		"in the buyer":     `{"body":{"buyer":{"external_identifier":"b1"}}}`,
		"of another":       `{"body":{"buyer":{"external_identifier":"b2"}}}`,
		"of nobody":        `{"body":{"buyer":null}}`,
		"damaged":          `{"body":{`,
	}
	for id, body := range bodies {
		for _, query := range []string{
			`INSERT INTO payments (id, reference, truth) VALUES ('` + id + `', '` + id + `', '{}')`,
			`INSERT INTO requests (payment, body) SELECT seq, CAST('` + body + `' AS BLOB) FROM payments WHERE id = '` + id + `'`,
		} {
			if _, err := db.db.ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := db.close(); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, dir, time.Now)
	page, err := s.List(t.Context(), Filter{BuyerExternalID: "b1", Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, rec := range page.Records {
		found[string(rec.Payment.ID)] = true
	}
	if len(found) != 2 || !found["in its own field"] || !found["in the buyer"] {
		t.Errorf("payments of the buyer: %v", found)
	}
}
