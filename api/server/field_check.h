/* Checks of fields that several bodies have: for `check` of struct field. Pure. */
#ifndef KEDGE_API_SERVER_FIELD_CHECK_H
#define KEDGE_API_SERVER_FIELD_CHECK_H

#include "api/server/body.h"

/* Github, Gitlab or Git. */
void field_check_type(const cJSON *value, const char *at, struct problems *problems);
/* ref_check of target.h. */
void field_check_ref(const cJSON *value, const char *at, struct problems *problems);
/* path_normalize_dir takes it. */
void field_check_directory(const cJSON *value, const char *at, struct problems *problems);
/* The id of a run: a UUID. */
void field_check_run_id(const cJSON *value, const char *at, struct problems *problems);
/* A Terraform workspace. */
void field_check_workspace(const cJSON *value, const char *at, struct problems *problems);

#endif
