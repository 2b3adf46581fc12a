-- What the API's reference says of scenarios.

local common = require "spec.support.facts.common"

local SCORING_CONTRACT = {
  scoring_function_parameters = {
    { name = "a", weight = 0.25, scorer = {
      type = "ast_grep_scorer", pattern = "print($X)", search_directory = ".", lang = "lua",
    } },
    { name = "b", weight = 0.25, scorer = { type = "bash_script_scorer", bash_script = "echo score=1.0" } },
    { name = "c", weight = 0.125, scorer = { type = "command_scorer", command = "make check" } },
    { name = "d", weight = 0.125, scorer = {
      type = "custom_scorer", custom_scorer_type = "mine", scorer_params = { deep = { 1, 2.5, "x", true } },
    } },
    { name = "e", weight = 0.125, scorer = {
      type = "python_script_scorer", python_script = "print(1)", python_version_constraint = "==3.12.10",
      requirements_contents = "requests",
    } },
    { name = "f", weight = 0.125, scorer = {
      type = "test_based_scorer", test_command = "make test",
      test_files = { { file_path = "a_test.c", file_contents = "int main(void);" } },
    } },
  },
}

local SCENARIO = {
  name = "sort",
  input_context = { problem_statement = "Sort it.", additional_context = { files = { "a", "b" }, count = 2 } },
  scoring_contract = SCORING_CONTRACT,
  environment_parameters = {
    blueprint_id = "bpt_1", snapshot_id = "snp_1", working_directory = "/home/user",
    launch_parameters = common.LAUNCH_PARAMETERS,
  },
  metadata = { team = "core" },
  reference_output = "diff",
  required_environment_variables = { "HOME" },
  required_secret_names = { "TOKEN" },
  scorer_timeout_sec = 600,
  validation_type = "FORWARD",
}

return {
  rows = {
    list = { "GET", "/v1/scenarios", list = "scenarios", query = common.page {
      name = "n", benchmark_id = "bmd_1", validation_type = "FORWARD", search = "s",
    } },
    list_public = {
      "GET", "/v1/scenarios/list_public", list = "scenarios", query = common.page { name = "n", search = "s" },
    },
    retrieve = { "GET", "/v1/scenarios/scn_1", ids = { "scn_1" } },
    create = { "POST", "/v1/scenarios", body = SCENARIO },
    update = { "POST", "/v1/scenarios/scn_1", ids = { "scn_1" }, body = SCENARIO },
    archive = { "POST", "/v1/scenarios/scn_1/archive", ids = { "scn_1" } },
    unarchive = { "POST", "/v1/scenarios/scn_1/unarchive", ids = { "scn_1" } },
    start_run = { "POST", "/v1/scenarios/start_run", body = {
      scenario_id = "scn_1", benchmark_run_id = "bmr_1", metadata = { commit = "abc" }, run_name = "nightly",
      runProfile = common.RUN_PROFILE,
    } },
  },
  helpers = { "start_run_and_await_env_ready" },
  methods = { "archive", "refresh", "runs", "start_run", "unarchive", "update" },
}
