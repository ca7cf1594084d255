package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ready is what --ready-file tells whoever started this process.
type ready struct {
	APIURL         string `json:"api_url"`
	AdminURL       string `json:"admin_url"`
	ConsoleURL     string `json:"console_url"`
	SandboxURL     string `json:"sandbox_url,omitempty"`
	APIKeyFile     string `json:"api_key_file,omitempty"`
	AdminTokenFile string `json:"admin_token_file"`
	DataDir        string `json:"data_dir"`
	// Hosts are those of a cluster; the API of all of them is the one above.
	Hosts []ready `json:"hosts,omitempty"`
	PID   int     `json:"pid,omitempty"` // of a host of a cluster
}

// writeReady writes the file whole or not at all, so that a reader who sees it can
// read it.
func writeReady(file string, r ready) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding the ready file: %w", err)
	}
	return writePrivate(file, append(raw, '\n'))
}

// writePrivate replaces a file by one that only its owner can read.
func writePrivate(file string, content []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(content)
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}
