# Where the lake, the catalog and the jars are, as spark/profiles.yml reads it; for script/spark and script/spark-server.
if [ ! -x .venv-spark/bin/dbt ]; then
  echo "spark: there is no .venv-spark; run \`./script/setup --spark\`, then this again" >&2
  exit 1
fi
lake=${AFTERSTATE_LAKE:-.afterstate/lake}
case $lake in s3://*) lake=s3a${lake#s3} ;; *://* | /*) ;; *) lake=$PWD/$lake ;; esac  # s3a: the same place, to Spark
case $lake in *://*) catalog=$PWD/.afterstate/spark-catalog ;; *) catalog=$lake/catalog ;; esac
jars=${AFTERSTATE_SPARK_JARS:-$PWD/.venv-spark/jars}/*
if [[ $lake = s3a://* && -z ${AFTERSTATE_SPARK_HOST:-}${AFTERSTATE_SPARK_JARS:-} ]]; then
  if [ ! -d .venv-spark/jars-s3 ]; then
    echo "spark: Spark reaches no S3 here; run \`./script/setup --spark-s3\`, then this again" >&2
    exit 1
  fi
  jars=$jars:$PWD/.venv-spark/jars-s3/*
fi
export AFTERSTATE_LAKE=$lake AFTERSTATE_SPARK_CATALOG=${AFTERSTATE_SPARK_CATALOG:-$catalog} AFTERSTATE_SPARK_CLASS_PATH=$jars
