package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/connectorhost/connectorhost/sdk"
)

// location says where a database is.
type location struct {
	Store     string `help:"URL of the PostgreSQL database that hosts share, postgres://… A password belongs in PGPASSFILE, or the whole URL in --store-file. Default: a database in the data directory, for one host." placeholder:"URL" xor:"store"`
	StoreFile string `help:"File that holds the URL, readable by its owner alone." placeholder:"FILE" type:"path" xor:"store"`
}

// sharing is the settings of hosts that share a database.
type sharing struct {
	location      `embed:""`
	MasterKeyFile string `help:"File with the key that seals the secrets in the database; hosts that share a database share it. It is made if it is not there. Default: master.key in the data directory." placeholder:"FILE" type:"path"`
}

// url is where the database is; empty for the one in the data directory.
func (s location) url() (sdk.Secret, error) {
	text := s.Store
	if s.StoreFile != "" {
		info, err := os.Stat(s.StoreFile)
		if err != nil {
			return sdk.Secret{}, fmt.Errorf("store-file: %w", err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			return sdk.Secret{}, fmt.Errorf("store-file: others may use %s: its mode must be such as 0600", s.StoreFile)
		}
		raw, err := os.ReadFile(s.StoreFile)
		if err != nil {
			return sdk.Secret{}, fmt.Errorf("store-file: %w", err)
		}
		text = strings.TrimSpace(string(raw))
		if text == "" {
			return sdk.Secret{}, fmt.Errorf("store-file: %s is empty", s.StoreFile)
		}
	}
	if text == "" {
		return sdk.Secret{}, nil
	}
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		// It may be a URL all the same, with a password in it, so it is not shown.
		return sdk.Secret{}, errors.New("store must be a URL like postgres://user@host:5432/database")
	}
	return sdk.NewSecret(text), nil
}
