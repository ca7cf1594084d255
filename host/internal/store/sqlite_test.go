package store

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

func TestOpeningAgainFindsEverything(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	s := openAt(t, dir, c.now)
	rec := newPayment()
	rec.Truth.Fold(sdk.Snapshot{Order: "o", State: sdk.StateAuthorized, Authorized: new(sdk.JPY(1000))}, c.now())
	create(t, s, rec)
	service := keepService(t, s, testService("s1"))
	closeStore(t, s)
	s = openAt(t, dir, c.now)
	same(t, "payment", read(t, s, rec.Payment.ID), *rec)
	got, err := s.Service(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "service", got, *service)
}

func TestOpenRefuses(t *testing.T) {
	tests := map[string]struct {
		prepare func(t *testing.T, path string)
		want    string
	}{
		"a database that is open elsewhere": {
			func(t *testing.T, path string) { openAt(t, filepath.Dir(path), time.Now) },
			"another process has the database open",
		},
		"a database of a newer version": {
			func(t *testing.T, path string) {
				closeStore(t, openAt(t, filepath.Dir(path), time.Now))
				execute(t, path, `INSERT INTO migrations (version, name) VALUES (99, 'future')`)
			},
			"schema version 99 and this program knows ",
		},
		"a database of something else": {
			func(t *testing.T, path string) { execute(t, path, `CREATE TABLE cookies (id INTEGER)`) },
			"a database of something else",
		},
		"a file that is no database": {
			func(t *testing.T, path string) {
				if err := os.WriteFile(path, bytes.Repeat([]byte("no database"), 1000), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			"not a database",
		},
		"a database that was sealed with another key": {
			func(t *testing.T, path string) {
				closeStore(t, openAt(t, filepath.Dir(path), time.Now))
				if err := os.Remove(filepath.Join(filepath.Dir(path), "key")); err != nil {
					t.Fatal(err)
				}
			},
			"sealed with master key",
		},
		"a file in the place of its folder": {
			func(t *testing.T, path string) {
				if err := os.Mkdir(path, 0o700); err != nil {
					t.Fatal(err)
				}
			},
			"is a directory",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "host.db")
			tt.prepare(t, path)
			key, err := LoadOrCreateMasterKey(filepath.Join(dir, "key"))
			if err != nil {
				t.Fatal(err)
			}
			s, err := OpenSQLite(t.Context(), path, key, time.Now)
			if err == nil {
				closeStore(t, s)
				t.Fatal("was opened")
			}
			if !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error = %v, want one that says %q of %s", err, tt.want, path)
			}
		})
	}
	if _, err := OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "x"), MasterKey{}, time.Now); err == nil {
		t.Error("was opened without a key")
	}
}

func execute(t *testing.T, path, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// A killed process proves nothing about a lost machine, so this asks the database.
func TestCommitsWaitForTheDisk(t *testing.T) {
	s := openTestSQLite(t, time.Now)
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1"} {
		var got string
		err := s.db.(*sqlite).writer.db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got)
		if err != nil || got != want {
			t.Errorf("%s = %s, %v, want %s", pragma, got, err, want)
		}
	}
}

func TestMigrationsAreAppliedOnceInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	files := fstest.MapFS{"s/0001_first.sql": {Data: []byte(`CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1);`)}}
	open := func() error {
		p, err := connect(path, writerPragmas, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.close(); err != nil {
				t.Error(err)
			}
		}()
		return migrate(t.Context(), p.db, files)
	}
	for range 2 {
		if err := open(); err != nil {
			t.Fatal(err)
		}
	}
	files["s/0002_broken.sql"] = &fstest.MapFile{Data: []byte(`INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (2);`)}
	if err := open(); err == nil || !strings.Contains(err.Error(), "0002_broken.sql") {
		t.Errorf("a broken step: error = %v, want one that names it", err)
	}
	files["s/0002_broken.sql"] = &fstest.MapFile{Data: []byte(`INSERT INTO a SELECT count(*) FROM a;`)}
	if err := open(); err != nil {
		t.Fatal(err)
	}
	files["s/0004_gap.sql"] = &fstest.MapFile{}
	if err := open(); err == nil || !strings.Contains(err.Error(), "want number 0003") {
		t.Errorf("a gap: error = %v, want one that says which is missing", err)
	}
	p, err := connect(path, readerPragmas, 1)
	if err != nil {
		t.Fatal(err)
	}
	var rows string
	if err := p.db.QueryRowContext(t.Context(), `SELECT group_concat(n) FROM a`).Scan(&rows); err != nil || rows != "1,1" {
		t.Errorf("rows = %q, %v, want what each step left once: 1,1", rows, err)
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
}

func TestFilesAreTheirOwnersAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // as an operator might
		t.Fatal(err)
	}
	key, err := LoadOrCreateMasterKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenSQLite(t.Context(), filepath.Join(dir, "host.db"), key, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	create(t, s, newPayment())
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			t.Fatal(err)
		}
		if names[file.Name()] = true; info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", file.Name(), info.Mode())
		}
	}
	for _, name := range []string{"host.db", "host.db-wal", "host.db-shm", "host.db.lock"} {
		if !names[name] {
			t.Errorf("there is no file %s", name)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder has mode %v, %v, want 0700", info.Mode(), err)
	}
	closeStore(t, s)
	if err := os.Chmod(filepath.Join(dir, "host.db"), 0o644); err != nil { //nolint:gosec // as after a careless copy
		t.Fatal(err)
	}
	if s, err = OpenSQLite(t.Context(), filepath.Join(dir, "host.db"), key, time.Now); err != nil {
		t.Fatal(err)
	}
	defer closeStore(t, s)
	if info, err := os.Stat(filepath.Join(dir, "host.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a database that others could read has mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestSecretsNeverReachTheFiles(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, time.Now)
	service := testService("s1")
	keepService(t, s, service)
	if _, err := s.UpdateService(t.Context(), "s1", func(p *PaymentService) error {
		p.Secrets["secret_key"] = sdk.NewSecret("canary-second")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	subscribe(t, s, "hook", "default")
	if _, err := s.UpdateSubscription(t.Context(), "hook", func(sub *Subscription) error {
		sub.Previous, sub.Secret, sub.Password = sub.Secret, sdk.NewSecret("canary-new"), sdk.NewSecret("canary-password")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	search := func(when string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, "host.db*"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = found || bytes.Contains(content, []byte("Smartpay ¥"))
			for _, canary := range [][]byte{[]byte("canary"), []byte(hex.EncodeToString([]byte("canary"))), []byte("Y2FuYXJ5")} {
				if bytes.Contains(bytes.ToLower(content), bytes.ToLower(canary)) {
					t.Errorf("%s, %s holds a secret as %q", when, filepath.Base(file), canary)
				}
			}
		}
		if !found {
			t.Errorf("%s, the search does not even find what is not secret", when)
		}
	}
	search("while open")
	closeStore(t, s)
	search("after closing")
}

func TestSealedSecretsOpenInTheirPlaceOnly(t *testing.T) {
	tests := map[string]string{
		"moved to another field":    `UPDATE secrets SET field = 'account/other' WHERE field = 'account/secret_key'`,
		"swapped with another":      `UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE field = 'webhook/0')`,
		"altered":                   `UPDATE secrets SET sealed = CAST(substr(sealed, 1, length(sealed) - 1) || x'00' AS BLOB)`,
		"moved to another service":  `UPDATE secrets SET service = 's2' WHERE field = 'account/secret_key'`,
		"sealed with a lost key":    `UPDATE secrets SET key_id = 'lost'`,
		"of a webhook that is gone": `UPDATE services SET webhook = NULL`,
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openAt(t, dir, time.Now)
			keepService(t, s, testService("s1"))
			keepService(t, s, &PaymentService{ID: "s2"})
			closeStore(t, s)
			execute(t, filepath.Join(dir, "host.db"), damage)
			s = openAt(t, dir, time.Now)
			if services, err := s.Services(t.Context(), "", true); err == nil {
				t.Errorf("the services were read: %+v", services)
			} else if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestMasterKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "made", "key")
	key, err := LoadOrCreateMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadOrCreateMasterKey(path)
	if err != nil || *again.bytes != *key.bytes {
		t.Errorf("loading it again gives another key, %v", err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	holder := struct{ inside MasterKey }{key}
	shown := fmt.Sprintf("%v %+v %#v %s %x %q %v %+v %#v", key, key, key, key, key, key, holder, &holder, holder)
	for _, form := range []string{
		strings.TrimSpace(string(content)), fmt.Sprintf("%x", *key.bytes), strings.Trim(fmt.Sprint(*key.bytes), "[]"),
		strings.Trim(fmt.Sprintf("%#v", *key.bytes), "[]uint8{}"),
	} {
		if strings.Contains(shown, form) {
			t.Errorf("printing shows the key: %s", shown)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%d files beside the key, %v, want none", len(left)-1, err)
	}
	bad := map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"readable by others": {string(content), 0o640, "only its owner can read"},
		"too short":          {"c2hvcnQ=", 0o600, "must hold 32 bytes"},
		"no base64":          {strings.Repeat("secret-", 10), 0o600, "must hold 32 bytes"},
		"empty":              {"", 0o600, "must hold 32 bytes"},
	}
	for name, tt := range bad {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(path, []byte(tt.content), tt.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			_, err := LoadOrCreateMasterKey(path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret-") {
				t.Errorf("error = %v, want one that says %q and nothing of the content", err, tt.want)
			}
		})
	}
}

func TestMasterKeyIsCreatedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	keys := make(chan MasterKey)
	for range 16 {
		go func() {
			key, err := LoadOrCreateMasterKey(path)
			if err != nil {
				t.Error(err)
			}
			keys <- key
		}()
	}
	first := <-keys
	for range 15 {
		if key := <-keys; key.bytes == nil || first.bytes == nil || *key.bytes != *first.bytes {
			t.Error("two callers got different keys")
		}
	}
}
